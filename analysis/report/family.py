"""The one family of tests that a report makes: every p and Holm's p in it is of these."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis import compare, metric
from analysis.load import Records

MANY = 40
"""Above this number of configurations only the headline metrics are tested."""


def bounded(records: Records) -> bool:
    """Whether the family is that of the headline metrics only."""
    return len(records.configurations.table) > MANY


def family(records: Records, baseline: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Every paired difference that the report tests, with Holm's correction over all of them.

    Returns:
        As of :func:`analysis.compare.differences`; up to :data:`MANY` configurations of its own default metrics, so
        that report and ``compare`` give one p.

    Raises:
        AnalysisError: no configuration is such a baseline.
    """
    return compare.differences(records, baseline, metric.headline(records) if bounded(records) else None)
