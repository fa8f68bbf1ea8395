"""Where in the spectrum a trained network's errors lie."""

from __future__ import annotations

import pandas as pd

from analysis.aggregate import estimates
from analysis.load import Records

_BY = ["fy", "fx", "radius", "multiplicity", "norm"]


def fourier_heat_map(records: Records) -> pd.DataFrame:
    """Error on the test split under a perturbation of one spatial frequency, for every frequency.

    Returns:
        The description, fy, fx (cycles per image; of +f and -f, which share a value, one is listed), radius,
        multiplicity (1 or 2: how many frequencies the row stands for), norm, statistics of the error in [0, 1]. Empty
        where no run asked for the diagnostic ``fourier_heat_map``.
    """
    if "fourier_heat_map" not in records.tables:
        query = "SELECT run_id, 0 AS fy, 0 AS fx, 0.0 AS radius, 0 AS multiplicity, 0.0 AS norm, 0.0 AS value FROM run"
        return estimates(records, query + " LIMIT 0", _BY)
    query = f"SELECT run_id, {', '.join(_BY)}, error AS value FROM fourier_heat_map WHERE split = 'test'"
    return estimates(records, query, _BY)
