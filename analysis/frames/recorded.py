"""Statistics over seeds of tables that only some runs have: those of diagnostics and of further probes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.aggregate import estimates
from analysis.load import Records


def recorded(records: Records, table: str, query: str, by: Sequence[str]) -> pd.DataFrame:
    """As :func:`analysis.aggregate.estimates`; without a row where no run recorded ``table``.

    Args:
        table: what the query reads.
        query: SQL whose rows have run_id, value and the columns ``by``.
        by: what tells values of one configuration apart.
    """
    if table in records.tables:
        return estimates(records, query, by)
    columns = "".join(f"NULL AS {name}, " for name in by)
    return estimates(records, f"SELECT run_id, {columns}0.0 AS value FROM run LIMIT 0", by)
