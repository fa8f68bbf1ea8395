"""The exact Fourier transform of a ReLU network beside a numerical one, its bounds, and its rate of decay."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records

QUANTITIES = ("amplitude", "numerical", "interior", "lipschitz_bound", "norm_bound")
_BY = ["direction", "epoch", "frequency", "quantity"]


def fourier_decay(records: Records) -> pd.DataFrame:
    """log10 of each quantity of the probe ``fourier_decay``, at each run's last measured epoch.

    Returns:
        The description, direction, epoch, frequency (cycles per period, or per side of the square), quantity
        (:data:`QUANTITIES`), statistics of its log10: means over seeds are geometric. Empty where no run asked for the
        probe.
    """
    query = f"""
        SELECT run_id, direction, epoch, frequency, quantity, CASE WHEN size > 0 THEN log10(size) END AS value
        FROM (UNPIVOT (FROM ({_LAST})) ON {", ".join(QUANTITIES)} INTO NAME quantity VALUE size)"""
    return recorded(records, "fourier_decay", query, _BY)


def decay_rate(records: Records) -> pd.DataFrame:
    """Slope of log interior against log k over the highest factor of 100 in k, by least squares, of each run.

    Returns:
        The description, direction, epoch, statistics of the slope: -2 is a decay like k^-2.
    """
    query = f"""
        SELECT run_id, direction, epoch, regr_slope(log10(interior), log10(frequency)) AS value
        FROM (SELECT *, max(frequency) OVER (PARTITION BY run_id, direction) AS highest FROM ({_LAST}))
        WHERE interior > 0 AND frequency >= highest / 100 GROUP BY ALL"""
    return recorded(records, "fourier_decay", query, ["direction", "epoch"])


_LAST = """
    SELECT * FROM fourier_decay
    JOIN (SELECT run_id, max(epoch) AS epoch FROM fourier_decay GROUP BY run_id) USING (run_id, epoch)"""
