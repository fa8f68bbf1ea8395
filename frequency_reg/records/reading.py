"""How the records of runs are read: every table of them, and what could not be used."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from frequency_reg import presence
from frequency_reg.records.folders import Damage, existing
from frequency_reg.records.joining import concatenate
from frequency_reg.records.schema import INDISPENSABLE, RUN_ID, SCHEMA_VERSION, TABLES
from frequency_reg.records.validity import UnfitError, fitted, of_one_run, one_run, plain, version_of
from frequency_reg.records.writing import with_status


class Tables(dict[str, pa.Table]):
    """Tables by name, with the files that could not be read in :attr:`damaged`."""

    def __init__(self, tables: Mapping[str, pa.Table], damaged: Sequence[Damage] = ()) -> None:
        super().__init__(tables)
        self.damaged: tuple[Damage, ...] = tuple(damaged)


def read(path: str | Path) -> Tables:
    """Read every table of one run's directory, or of all runs below a sweep's directory.

    A file that cannot be read or does not fit its table is listed in ``.damaged`` and the rest is returned; a run whose
    ``run`` table is damaged contributes nothing, so that no row lacks its configuration. A run whose record says
    ``running`` while no process does it is returned as ``killed``.

    Raises:
        RecordsError: ``path`` does not exist or holds no records.
    """
    found = existing(path)
    tables = stacked(read_runs(found.runs))
    return Tables(tables, [*tables.damaged, *found.damaged])


def read_runs(directories: Sequence[Path]) -> list[Tables]:
    """The tables of each of some run directories, in their order; several files are read at a time."""
    if len(directories) < 4:
        return [read_run(directory) for directory in directories]
    with ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        return list(pool.map(read_run, directories, chunksize=8))


def stacked(runs: Iterable[Tables]) -> Tables:
    """The tables of several runs, each stacked into one; every table of :data:`TABLES` is there, maybe empty."""
    parts: dict[str, list[pa.Table]] = {}
    damaged: list[Damage] = []
    for tables in runs:
        damaged += tables.damaged
        for name, table in tables.items():
            parts.setdefault(name, []).append(table)
    result = {name: concatenate(chunks) for name, chunks in parts.items()}
    for name, schema in TABLES.items():
        result.setdefault(name, schema.empty_table())
    return Tables(result, damaged)


def read_run(directory: Path) -> Tables:
    """The tables of one run's directory, none of them if its ``run`` table cannot be read or does not fit."""
    tables: dict[str, pa.Table] = {}
    damaged: list[Damage] = []
    recorded: dict[str, int] = {}
    run_id = ""
    for file in sorted(directory.glob("*.parquet"), key=lambda file: (file.stem != "run", file.stem)):
        try:
            table = _read_fitted(file)
            if file.stem == "run":
                table = _without_ghost(file, table)
                run_id, recorded = one_run(table), recorded_tables(table)
            of_one_run(table, run_id)
            tables[file.stem] = table
        except (pa.ArrowException, OSError, UnfitError) as error:
            damaged.append(Damage(file, _plainly(str(error))))
            if file.stem == "run":
                return Tables({}, damaged)
    for name in recorded:
        file = directory / f"{name}.parquet"
        if name not in tables and not file.exists():
            damaged.append(Damage(file, "missing, though the run recorded it"))
    return Tables(tables, damaged)


def _plainly(text: str) -> str:
    """One line of printable characters: what a library says of a file may quote the file."""
    return "".join(c if c.isprintable() else "?" for c in re.sub(r"\s+", " ", text))[:200]


def _read_fitted(file: Path) -> pa.Table:
    return _fitted(file.stem, pq.ParquetFile(file).read(use_threads=False))


def _without_ghost(file: Path, run: pa.Table) -> pa.Table:
    """A run that says ``running`` while no process does it was killed before it could say so.

    It is read once more: it may have ended since, as a run publishes its end before it lets go of its lock.
    """
    if run["status"].to_pylist() != ["running"] or presence.holder(file.parent) is not None:
        return run
    run = _read_fitted(file)
    if run["status"].to_pylist() != ["running"]:
        return run
    return with_status(run, "killed", "its process ended without a word; the same command goes on from its checkpoint")


def recorded_tables(run: pa.Table) -> dict[str, int]:
    """Rows of each table that a ``run`` table says its run has; nothing for records of version 1, which do not say.

    Raises:
        UnfitError: what it says is no JSON of that form.
    """
    texts = run["tables"].to_pylist() if "tables" in run.column_names else []
    try:
        return {str(k): int(v) for text in texts if text for k, v in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise UnfitError(f"column tables: expected rows of each table as JSON ({error})") from error


def _fitted(name: str, table: pa.Table) -> pa.Table:
    """A file's content as the present version has the table of that name.

    Columns that an older version lacks are NULL, and so are withdrawn values: version 1 gave ``absolute_folded`` a
    value against ``init``, where batch norm has no statistics to fold in yet.

    Raises:
        UnfitError: it is no such table, or a newer version's.
    """
    version = version_of(table, SCHEMA_VERSION)
    schema = TABLES.get(name, pa.schema([RUN_ID]))
    table = fitted(table.replace_schema_metadata(), schema, INDISPENSABLE.get(name, ("run_id",)))
    if name == "run":
        table = plain(table, schema)
    for entry in schema:
        if entry.name not in table.column_names:
            table = table.append_column(entry, pa.nulls(len(table), entry.type))
    if name == "ssr" and version == 1:
        withdrawn = pc.and_(pc.equal(table["normalization"], "absolute_folded"), pc.equal(table["reference"], "init"))
        for column, stand_in in (("value", pa.scalar(None, pa.float64())), ("status", pa.scalar("no_statistics"))):
            values = pc.if_else(withdrawn, stand_in, table[column])
            table = table.set_column(table.column_names.index(column), TABLES["ssr"].field(column), values)
    return table
