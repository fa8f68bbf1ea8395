"""Runs whose diagnostics and probes left further tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import analysis
from analysis.load import Records
from tests.analysis.synthetic import write_run

CHOICES: tuple[dict[str, Any], ...] = (
    {"regularizer": "none"},
    {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3},
)
"""Configurations 0 and 1."""


def diagnosed(
    root: Path, tables: Callable[[int, int], Mapping[str, pd.DataFrame]], seeds: tuple[int, ...] = (0, 1)
) -> Records:
    """Records of every configuration of :data:`CHOICES` with every seed.

    Args:
        root: where the runs are written.
        tables: configuration and seed -> further tables, without run_id.
        seeds: of the runs.
    """
    for configuration, choices in enumerate(CHOICES):
        for seed in seeds:
            folder = root / f"r{configuration}-{seed}"
            write_run(folder, choices, seed)
            for name, rows in tables(configuration, seed).items():
                table = pa.Table.from_pandas(rows.assign(run_id=f"id-{folder.name}"), preserve_index=False)
                pq.write_table(table, folder / f"{name}.parquet")
    return analysis.load(root)
