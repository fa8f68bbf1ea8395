"""How a run's tables are written: collected in memory, published by renaming."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from frequency_reg.records.files import RecordsError, write_table
from frequency_reg.records.schema import SCHEMA_VERSION, TABLES

_METADATA_PREFIX = "frequency_reg."


def set_status(directory: Path, status: str, detail: str) -> None:
    """Replace the status and its detail in the published ``run`` table of ``directory``; all else stays.

    Raises:
        RecordsError: the table cannot be read or written.
    """
    path = directory / "run.parquet"
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise RecordsError(f"{path}: cannot be read ({error})") from error
    write_table(path, with_status(table, status, detail))


def with_status(run: pa.Table, status: str, detail: str) -> pa.Table:
    """A ``run`` table with another status and detail."""
    for name, value in (("status", status), ("status_detail", detail)):
        place = run.column_names.index(name)
        run = run.set_column(place, run.schema.field(name), pa.array([value] * len(run), pa.string()))
    return run


class RunWriter:
    """Collects the tables of one run in memory and publishes them, each as one file, by rename only.

    Args:
        directory: the run's directory; it must exist.
        run_id: identity of the run, written into every row.
        stamp: text stamped into the metadata of every file (configuration hash, formula and library versions).
        schemas: tables that probes add, by name; they must not collide with :data:`TABLES`.
    """

    def __init__(
        self,
        directory: Path,
        run_id: str,
        *,
        stamp: Mapping[str, str] | None = None,
        schemas: Mapping[str, pa.Schema] | None = None,
    ) -> None:
        self.directory = directory
        self.run_id = run_id
        self._stamp = {"schema_version": str(SCHEMA_VERSION), "run_id": run_id, **(stamp or {})}
        collisions = sorted(set(schemas or {}) & set(TABLES))
        if collisions:
            raise ValueError(f"tables {collisions} are already defined in frequency_reg.records")
        self._schemas = {**TABLES, **(schemas or {})}
        self._tables: dict[str, list[pa.Table]] = {}
        self._dirty: set[str] = set()
        for leftover in directory.glob(".*.parquet.*.tmp"):
            leftover.unlink(missing_ok=True)

    def add(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows: ``columns`` maps every column but ``run_id`` to equally long sequences (or one scalar for all).

        NaN and infinities become NULL. A missing or unknown column raises ``ValueError``.
        """
        schema = self._schemas[table]
        expected = set(schema.names) - {"run_id"}
        if set(columns) != expected:
            missing, unknown = sorted(expected - set(columns)), sorted(set(columns) - expected)
            raise ValueError(f"table {table}: missing columns {missing}, unknown columns {unknown}")
        length = max((len(v) for v in columns.values() if _is_sequence(v)), default=1)
        arrays = []
        for entry in schema:
            value = self.run_id if entry.name == "run_id" else columns[entry.name]
            values = value if _is_sequence(value) else [value] * length
            arrays.append(_without_nan(pa.chunked_array([pa.array(values, entry.type)])))
        self._append(table, pa.Table.from_arrays(arrays, schema=schema))

    def set_run(self, row: Mapping[str, Any]) -> None:
        """Replace the run's one-row table: the fields of :data:`TABLES` plus ``config.*`` and ``provenance.*`` columns.

        Extra columns take the type of their value: bool, int, float or text. ``tables`` is filled in here.
        """
        row = {**row, "tables": json.dumps(self.counts(), sort_keys=True)}
        schema = self._schemas["run"]
        extra = [
            pa.field(key, _plain_type(value), metadata={"measured": "true"} if key.startswith("provenance.") else None)
            for key, value in row.items()
            if key not in schema.names
        ]
        full = pa.schema([*schema, *extra])
        arrays = [
            _without_nan(pa.chunked_array([pa.array([self.run_id if f.name == "run_id" else row.get(f.name)], f.type)]))
            for f in full
        ]
        self._tables["run"] = [pa.Table.from_arrays(arrays, schema=full)]
        self._dirty.add("run")

    def counts(self) -> dict[str, int]:
        """Rows collected so far, by table, the run table left out."""
        return {name: sum(map(len, parts)) for name, parts in self._tables.items() if name != "run"}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of ``table`` collected so far, as mappings."""
        return [row for part in self._tables.get(table, ()) for row in part.to_pylist()]

    def restore(self, expected: Mapping[str, int], *, through_epoch: int) -> None:
        """Take up the published tables of an interrupted run, dropping every row after ``through_epoch``.

        Args:
            expected: what :meth:`counts` said after that epoch.

        Raises:
            RecordsError: a table is missing, damaged, or has another number of rows up to that epoch.
        """
        for name, rows in expected.items():
            path, schema = self.directory / f"{name}.parquet", self._schemas[name]
            try:
                table = pq.ParquetFile(path).read().select(schema.names).cast(schema)
            except (OSError, pa.ArrowException, KeyError, ValueError) as error:
                raise RecordsError(f"{path}: cannot be read ({error})") from error
            if "epoch" in table.column_names:
                table = table.filter(pc.field("epoch") <= through_epoch)
            if len(table) != rows:
                raise RecordsError(f"{path}: {len(table)} rows up to epoch {through_epoch}, expected {rows}")
            self._tables[name] = [table]
            self._dirty.add(name)

    def clear(self, table: str) -> None:
        """Forget all rows of ``table`` and delete its file: what is to be measured again must not stand beside it."""
        self._tables.pop(table, None)
        self._dirty.discard(table)
        (self.directory / f"{table}.parquet").unlink(missing_ok=True)

    def publish(self) -> None:
        """Write every table that changed since the last call; the run table last."""
        for name in sorted(self._dirty, key=lambda name: (name == "run", name)):
            table = pa.concat_tables(self._tables[name]).combine_chunks()
            self._tables[name] = [table]
            stamp = {_METADATA_PREFIX + key: value for key, value in {"table": name, **self._stamp}.items()}
            write_table(self.directory / f"{name}.parquet", table.replace_schema_metadata(stamp))
        self._dirty.clear()

    def _append(self, name: str, table: pa.Table) -> None:
        self._tables.setdefault(name, []).append(table)
        self._dirty.add(name)


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


def _plain_type(value: Any) -> pa.DataType:
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64()
    if isinstance(value, float):
        return pa.float64()
    return pa.string()


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
