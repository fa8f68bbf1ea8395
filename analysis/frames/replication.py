"""Metrics of single seeds beside their mean and interval."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.aggregate import headline
from analysis.load import Records


def single_seeds(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> pd.DataFrame:
    """Every seed's value of chosen metrics, with what its configuration's table row says.

    Returns:
        One row for each configuration, metric and seed: the description, metric, seed, value, and mean, half_width,
        low, high, sd, n of the configuration's row in :func:`analysis.aggregate.headline`.
    """
    values = metric.values(records, metrics).dropna(subset="value")
    rows = headline(records, metrics).merge(values, on=["configuration", "metric"], how="inner")
    return rows[[c for c in rows.columns if c not in ("seed", "value")] + ["seed", "value"]]
