"""How much of each frequency a fitted function keeps after a random step away from its parameters."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

_BY = ["frequency", "delta", "directions"]


def retention(records: Records) -> pd.DataFrame:
    """Retention of each frequency for each norm of the step, at each run's last measured epoch.

    Returns:
        The description, frequency (k, cycles per period), delta (norm of the step), directions (random directions that
        each run's value is a mean over), statistics of perturbed / own |c_k|. Empty where no run asked for the probe
        ``parameter_perturbation``.
    """
    query = """
        SELECT run_id, frequency, delta, directions, retention AS value FROM parameter_perturbation
        JOIN (SELECT run_id, max(epoch) AS epoch FROM parameter_perturbation GROUP BY run_id) USING (run_id, epoch)"""
    return recorded(records, "parameter_perturbation", query, _BY)
