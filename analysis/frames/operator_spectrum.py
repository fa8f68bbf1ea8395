"""Gain of every convolution at every spatial frequency, over training."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

GAINS = ("gain_max", "gain_mean")
"""Largest singular value at a frequency, and the mean of all singular values there."""

_PLACED = """
    (SELECT *, max(place) OVER (PARTITION BY run_id) AS number, max(epoch) OVER (PARTITION BY run_id) AS final
     FROM (SELECT *, dense_rank() OVER (PARTITION BY run_id ORDER BY depth) AS place FROM operator_spectrum))"""
_POSITION = "CASE place WHEN 1 THEN 'first' WHEN number THEN 'last' WHEN (number + 1) // 2 THEN 'middle' END"
_BY = ["layer", "depth", "size", "frequency", "multiplicity"]


def gain_profiles(records: Records) -> pd.DataFrame:
    """log2 of both gains of the first, the middle and the last layer, before training and when last measured.

    The logarithm is taken of each seed's gain, so that the mean over seeds is a geometric one. A gain of 0 has none and
    is left out of n. Of N measured layers, the middle one is number (N + 1) / 2, rounded down.

    Returns:
        The description, quantity (of :data:`GAINS`), position, state (``initial`` or ``trained``), epoch, layer, depth,
        size (side of the images that the layer acts on), frequency (cycles per sample of the layer's input),
        multiplicity, statistics of log2 gain. Empty where no run asked for the probe ``operator_spectrum``.
    """
    query = f"""
        SELECT run_id, {", ".join(_BY)}, {_POSITION} AS position, epoch, quantity,
               CASE WHEN epoch = 0 THEN 'initial' ELSE 'trained' END AS state, CASE WHEN gain > 0 THEN log2(gain) END
               AS value
        FROM (UNPIVOT {_PLACED} ON {", ".join(GAINS)} INTO NAME quantity VALUE gain)
        WHERE epoch IN (0, final) AND position IS NOT NULL"""
    return recorded(records, "operator_spectrum", query, ["quantity", "position", "state", "epoch", *_BY])


def gain_by_layer(records: Records) -> pd.DataFrame:
    """log2 of the largest gain when last measured over that before training, of every layer and frequency.

    Returns:
        The description, layer, depth, size, frequency, multiplicity, statistics of the log2 ratio, of each seed.
    """
    query = f"""
        SELECT trained.run_id, {", ".join(f"trained.{name}" for name in _BY)},
               CASE WHEN trained.gain_max > 0 AND initial.gain_max > 0
                    THEN log2(trained.gain_max / initial.gain_max) END AS value
        FROM {_PLACED} trained JOIN operator_spectrum initial USING (run_id, layer, frequency)
        WHERE trained.epoch = trained.final AND trained.final > 0 AND initial.epoch = 0"""
    return recorded(records, "operator_spectrum", query, _BY)


def gain_evolution(records: Records) -> pd.DataFrame:
    """log2 of the largest gain of the first and the last layer, at every epoch that was measured.

    Returns:
        The description, position, epoch, layer, depth, size, frequency, multiplicity, statistics of log2 gain.
    """
    query = f"""
        SELECT run_id, {", ".join(_BY)}, epoch, {_POSITION} AS position,
               CASE WHEN gain_max > 0 THEN log2(gain_max) END AS value
        FROM {_PLACED} WHERE position IN ('first', 'last')"""
    return recorded(records, "operator_spectrum", query, ["position", "epoch", *_BY])
