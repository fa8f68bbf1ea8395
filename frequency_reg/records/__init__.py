"""The Parquet records of a run: what each table holds, how it is written, how it is read.

One directory a run holds one Parquet file a table, in long format. Every table carries ``run_id``. This package is the
only Parquet writer and reader of the project; it needs neither torch nor Hydra, so that a report can be made anywhere.

Conventions
    * ``epoch`` 0 is the state before the first update; ``epoch`` e is the state after e epochs.
    * Accuracies and shares are fractions in [0, 1]; losses are mean cross-entropies in nats.
    * A value that does not exist is NULL, never NaN; where that needs a reason, a ``status`` column gives it.
    * ``severity`` 0 is the clean set.
    * A field whose metadata says ``measured`` (times, memory, provenance) differs between two equal runs and is left
      out of :func:`content_digest`; every other field is a function of configuration, seed and machine type.
"""

from __future__ import annotations

from frequency_reg.records.digest import content_digest
from frequency_reg.records.files import RecordsError, read_table, write_file, write_table
from frequency_reg.records.folders import Damage, Survey, existing, run_directories, survey
from frequency_reg.records.joining import concatenate
from frequency_reg.records.reading import Tables, read, read_run, read_runs, recorded_tables, stacked
from frequency_reg.records.schema import SCHEMA_VERSION, STATUSES, TABLES, field
from frequency_reg.records.writing import RunWriter, set_status

__all__ = [
    "SCHEMA_VERSION",
    "STATUSES",
    "TABLES",
    "Damage",
    "RecordsError",
    "RunWriter",
    "Survey",
    "Tables",
    "concatenate",
    "content_digest",
    "existing",
    "field",
    "read",
    "read_run",
    "read_runs",
    "read_table",
    "recorded_tables",
    "run_directories",
    "set_status",
    "stacked",
    "survey",
    "write_file",
    "write_table",
]
