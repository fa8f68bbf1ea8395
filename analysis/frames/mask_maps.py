"""What learned masks keep at every frequency."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

_BY = ["position", "layer", "depth", "fy", "fx", "height", "width", "epoch"]


def mask_maps(records: Records) -> pd.DataFrame:
    """Share of the masks of the first, the middle and the last masked layer that keep a frequency.

    Of N masked layers in the order of their depth, the middle one is number (N + 1) / 2, rounded down. The epoch is the
    last one that a run recorded its masks at.

    Returns:
        The description, position (``first``, ``middle`` or ``last``), layer, depth, fy, fx (cycles per DFT length, half
        plane fx >= 0), height, width (of the DFT, samples), epoch, statistics of the share kept. Empty where no run had
        the probe ``spectral_mask`` and masks.
    """
    query = """
        SELECT run_id, layer, depth, fy, fx, height, width, epoch, kept AS value,
               CASE place WHEN 1 THEN 'first' WHEN number THEN 'last' WHEN (number + 1) // 2 THEN 'middle' END
               AS position
        FROM (SELECT *, max(place) OVER (PARTITION BY run_id) AS number
              FROM (SELECT *, dense_rank() OVER (PARTITION BY run_id ORDER BY depth) AS place,
                           max(epoch) OVER (PARTITION BY run_id) AS latest
                    FROM mask)
              WHERE epoch = latest)
        WHERE position IS NOT NULL"""
    return recorded(records, "mask", query, _BY)
