"""How fast a trained network's output varies on the straight line between two images."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records


def path_frequency(records: Records) -> pd.DataFrame:
    """log10 of the power of the output's change along paths, for every frequency above 0.

    The logarithm is taken of each seed's mean over paths, so that the mean over seeds is a geometric one. A power of 0
    has none and is left out of n.

    Returns:
        The description, kind (``within`` one class or ``between`` two), paths (how many of each kind), points (along
        each), frequency (cycles per path), statistics of log10 power. Empty where no run asked for the diagnostic
        ``path_frequency``.
    """
    query = """
        SELECT run_id, kind, paths, points, frequency, CASE WHEN power > 0 THEN log10(power) END AS value
        FROM path_frequency WHERE split = 'test' AND frequency > 0"""
    return recorded(records, "path_frequency", query, ["kind", "paths", "points", "frequency"])
