"""Where in the spectrum a trained network's errors lie."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

_BY = ["fy", "fx", "radius", "multiplicity", "norm", "images"]


def fourier_heat_map(records: Records) -> pd.DataFrame:
    """Error on the test split under a perturbation of one spatial frequency, for every frequency.

    Returns:
        The description, fy, fx (cycles per image; of +f and -f, which share a value, one is listed), radius,
        multiplicity (1 or 2: how many frequencies the row stands for), norm, images (how many were perturbed),
        statistics of the error in [0, 1]. Empty where no run asked for the diagnostic ``fourier_heat_map``.
    """
    read = ", ".join([*_BY[:-1], "n AS images"])
    query = f"SELECT run_id, {read}, error AS value FROM fourier_heat_map WHERE split = 'test'"
    return recorded(records, "fourier_heat_map", query, _BY)
