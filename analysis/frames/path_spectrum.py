"""Power of a network's outputs along paths through its input space, over training."""

from __future__ import annotations

import pandas as pd

from analysis.frames.function import joined, updates
from analysis.frames.recorded import recorded
from analysis.load import Records


def path_spectrum(records: Records) -> pd.DataFrame:
    """log10 of the power along paths at every frequency and measured epoch.

    The logarithm is taken of each seed's mean over paths, so that the mean over seeds is a geometric one. A power of 0
    has none and is left out of n.

    Returns:
        The description, path (``curve``, or lines ``within`` equal and ``between`` different labels), frequency (cycles
        per path), epoch, iteration (updates until then), statistics of log10 power. Empty where no run asked for the
        probe ``path_spectrum``.
    """
    query = f"""
        SELECT run_id, path, frequency, epoch, epoch * {updates(records)} AS iteration,
               CASE WHEN power > 0 THEN log10(power) END AS value
        FROM path_spectrum{joined(records)}"""
    return recorded(records, "path_spectrum", query, ["path", "frequency", "epoch", "iteration"])
