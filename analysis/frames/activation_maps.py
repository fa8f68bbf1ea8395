"""How much a wave of one spatial frequency on the images changes the output of a network's layers."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

_BY = ["position", "layer", "depth", "fy", "fx", "radius", "multiplicity", "norm", "images"]


def activation_maps(records: Records) -> pd.DataFrame:
    """Relative change of the first, the middle and the last convolution's output, for every frequency.

    Of N recorded layers in the order of their depth, the middle one is number (N + 1) / 2, rounded down.

    Returns:
        The description, position (``first``, ``middle`` or ``last``), layer, depth, fy, fx (cycles per image; of +f and
        -f, which share a value, one is listed), radius, multiplicity (1 or 2: how many frequencies the row stands for),
        norm, images, statistics of mean ||a(x') - a(x)|| / mean ||a(x)||. Empty where no run asked for the diagnostic
        ``fourier_heat_map`` with ``layers``.
    """
    query = """
        SELECT run_id, layer, depth, fy, fx, radius, multiplicity, norm, n AS images, value,
               CASE place WHEN 1 THEN 'first' WHEN number THEN 'last' WHEN (number + 1) // 2 THEN 'middle' END
               AS position
        FROM (SELECT *, max(place) OVER (PARTITION BY run_id) AS number
              FROM (SELECT *, dense_rank() OVER (PARTITION BY run_id ORDER BY depth) AS place
                    FROM fourier_activation_map WHERE split = 'test'))
        WHERE position IS NOT NULL"""
    return recorded(records, "fourier_activation_map", query, _BY)
