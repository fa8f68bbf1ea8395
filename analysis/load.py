"""Records on disk -> one small SQL database of them, and frames asked from it.

DuckDB answers the queries: it reads only the columns and row groups that a question needs, so that thousands of runs
fit where frames of all their rows would not. What it sees is in ``views.sql``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.configuration import Configurations, configurations
from frequency_reg import compaction
from frequency_reg.records import (
    TABLES,
    Damage,
    RecordsError,
    Tables,
    concatenate,
    existing,
    read_runs,
    read_table,
    stacked,
)

_CORE = ("epochs", "spectra", "ssr", "robustness")


class AnalysisError(Exception):
    """The question cannot be answered from these records. The message names what, where and the way out."""


@dataclass(frozen=True)
class Sources:
    """Where rows come from: tables in memory, and compacted files, each with the runs taken from it (None: all).

    Attributes:
        tables: rows read from the runs' own folders, by table.
        files: ``(table, file, run_ids)`` of the compacted segments.
    """

    tables: Mapping[str, pa.Table]
    files: Sequence[tuple[str, Path, pa.Array | None]] = ()


@dataclass
class Records:
    """The records of some runs: SQL in, pandas frames out.

    Column meanings and units are those of ``frequency_reg.records.TABLES``; NULL arrives as a missing value.

    Attributes:
        paths: folders the records were read from.
        run: the ``run`` table, one row a run.
        sources: the rows of all tables.
        damaged: files that could not be used, each with its reason; everything else is present.
        repeated: folders left out because they hold a run that another folder holds as well (a copy).
        partial: whether ``sources`` hold rows of further runs, that no query shall see.
        conditions: what was asked of the runs, as it was typed after ``--where``.
    """

    paths: tuple[Path, ...]
    run: pa.Table
    sources: Sources
    damaged: tuple[Damage, ...] = ()
    repeated: tuple[Path, ...] = ()
    partial: bool = False
    conditions: tuple[str, ...] = ()
    _named: Configurations | None = None
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The first of the folders: where a report goes unless another place is named."""
        return self.paths[0]

    @property
    def name(self) -> str:
        """The folders' own names, without the paths to them: what may be shown in a report that travels."""
        return " + ".join(dict.fromkeys(path.resolve().name for path in self.paths))

    @property
    def damaged_runs(self) -> int:
        """Number of run folders whose ``run`` table cannot be used, so that nothing of them is here."""
        return len({damage.path for damage in self.damaged if damage.path.name == "run.parquet"})

    @cached_property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Complete runs of version 1, which do not say which tables they recorded, that lack one they must have had.

        Every run has epochs, one with corruptions robustness, one with spectra SSRs and the reverse; and every run
        has what another of its ``config.model`` has.

        Returns:
            Names of the missing tables by the run's name; files that are damaged are not among them.
        """
        silent = pc.and_(pc.equal(self.run["status"], "complete"), pc.is_null(self.run["tables"]))
        if not pc.any(silent).as_py():
            return {}
        ids = {table: set(self.sql(f'SELECT DISTINCT run_id FROM "{table}"')["run_id"]) for table in _CORE}
        run = self["run"].sort_values(["run_name", "run_id"])
        model = run["config.model"].astype(str) if "config.model" in run else pd.Series("", run.index)
        measured = run["run_id"].isin(ids["spectra"] | ids["ssr"])
        due = pd.DataFrame({table: model.isin(model[run["run_id"].isin(ids[table])]) for table in _CORE})
        due["epochs"] = True
        due["robustness"] |= run.filter(like="config.corruption").notna().any(axis=1)
        due[["spectra", "ssr"]] = due[["spectra", "ssr"]].where(~measured, True)
        known = {(damage.path.parent.name, damage.path.stem) for damage in self.damaged}
        found: dict[str, tuple[str, ...]] = {}
        for place in run.index[run.index.isin(np.flatnonzero(silent.to_numpy(zero_copy_only=False)))]:
            run_id, name = run.loc[place, "run_id"], str(run.loc[place, "run_name"])
            gone = [t for t in _CORE if due.loc[place, t] and run_id not in ids[t] and (name, t) not in known]
            found |= {name: tuple(gone)} if gone else {}
        return found

    @cached_property
    def configurations(self) -> Configurations:
        """What was varied: computed once, shared by every table and plot."""
        return self._named or configurations(self["run"])

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the recorded tables, those that probes added among them."""
        found = {*TABLES, *self.sources.tables, *(table for table, _, _ in self.sources.files)}
        return tuple(sorted(found))

    def schema(self, table: str) -> pa.Schema:
        """Columns of a recorded table as it was written, its fields telling definition and unit; empty if unknown."""
        if table in TABLES:
            return TABLES[table]
        if table in self.sources.tables:
            return self.sources.tables[table].schema
        file = next((file for name, file, _ in self.sources.files if name == table), None)
        return pa.schema([]) if file is None else pq.read_schema(file)

    def __getitem__(self, table: str) -> pd.DataFrame:
        """A whole table as a frame. Prefer :meth:`sql` for tables that are large when runs are many."""
        if table not in self._frames:
            rows = self.run if table == "run" else self._database.sql(f'FROM "{table}"').to_arrow_table()
            self._frames[table] = rows.to_pandas()
        return self._frames[table]

    def sql(self, query: str) -> pd.DataFrame:
        """Answer an SQL query (DuckDB's dialect) over the recorded tables, ``runs`` and the views of ``views.sql``.

        Of columns with equal names the second and third get a number: ``value``, ``value_1``, ``value_2``.

        Raises:
            AnalysisError: the query is wrong; the message is the database's.
        """
        try:
            result = self._database.sql(query)
            table = pa.table({}) if result is None else result.to_arrow_table()
        except duckdb.Error as error:
            raise AnalysisError(f"the query failed: {error}") from error
        frame: pd.DataFrame = table.rename_columns(_each_named(table.column_names)).to_pandas()
        return frame

    def narrowed(self, configurations: Sequence[str]) -> Records:
        """The runs of some configurations, under the names and in the order that they have here."""
        named = self.configurations
        runs = named.runs[named.runs["configuration"].isin(list(configurations))]
        kept = pc.is_in(self.run["run_id"], pa.array(runs["run_id"], pa.string()))
        table = named.table[named.table["configuration"].isin(list(configurations))].reset_index(drop=True)
        labels = table["configuration"].tolist()
        fewer = Configurations(runs, table, named.shown.loc[labels], named.choices.loc[labels], named.differing)
        run, told = self.run.filter(kept), self.conditions
        return Records(self.paths, run, self.sources, self.damaged, self.repeated, True, told, fewer)

    def chosen(self, kept: Sequence[bool], conditions: Sequence[str] = ()) -> Records:
        """The runs marked true, one mark for each row of ``run``; configurations are named anew among them.

        Args:
            conditions: what they fulfil, see ``Records.conditions``.
        """
        run, told = self.run.filter(pa.array(kept)), (*self.conditions, *conditions)
        return Records(self.paths, run, self.sources, self.damaged, self.repeated, True, told)

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
        folders = [_quoted(str(path.resolve() / compaction.FOLDER)) for path in self.paths]
        database.execute(f"SET allowed_directories = [{', '.join(folders)}]")
        # No query reaches a file or the network besides the compacted records.
        database.execute("SET enable_external_access = false")
        missing = [name for name in _READ_OF_RUN if name not in self.run.schema.names]
        run = self.run
        for name in missing:
            run = run.append_column(name, pa.nulls(len(run), pa.string()))
        database.register("run", run)
        for table in self.tables:
            if table != "run":
                self._define(database, table)
        for table, empty in _EMPTY.items():
            if table not in self.tables:
                database.execute(f'CREATE VIEW "{table}" AS {empty}')
        database.register("runs", self._runs())
        for statement in _views():
            database.execute(statement)
        database.execute("SET python_enable_replacements = false")  # a name in a query is no variable of this program
        database.execute("SET lock_configuration = true")
        return database

    def _define(self, database: duckdb.DuckDBPyConnection, table: str) -> None:
        """The view of one recorded table: rows in memory, and rows of compacted files, of the runs at hand."""
        rows = self.sources.tables.get(table, TABLES.get(table, pa.schema([])).empty_table())
        parts = []
        if len(rows) or not any(name == table for name, _, _ in self.sources.files):
            database.register(f"loose_{table}", rows)
            parts.append(f'SELECT * FROM "loose_{table}"')
        for number, (name, file, runs) in enumerate(self.sources.files):
            if name != table:
                continue
            part = f"SELECT * FROM read_parquet({_quoted(str(file.resolve()))})"
            if runs is not None:
                database.register(f"runs_of_{number}", pa.table({"run_id": runs}))
                part += f" WHERE run_id IN (SELECT run_id FROM runs_of_{number})"
            parts.append(part)
        query = " UNION ALL BY NAME ".join(parts)
        fewer = " SEMI JOIN run USING (run_id)" if self.partial else ""
        database.execute(f'CREATE VIEW "{table}" AS SELECT * FROM ({query}){fewer}')

    def _runs(self) -> pa.Table:
        described = self.configurations.table[["configuration", "context", "label", "regularizer", "strength", "order"]]
        rows = self.configurations.runs.merge(described.rename(columns={"order": "place"}), on="configuration")
        return pa.Table.from_pandas(rows, preserve_index=False)


def load(path: str | Path | Sequence[str | Path]) -> Records:
    """Read the records of one run's folder or of every run below a sweep's folder, or of several such folders.

    Above some hundreds of runs the rows are first compacted into a few files in ``PATH/.compact`` (a cache that later
    calls read, see :mod:`frequency_reg.compaction`); where that folder cannot be written they are read one by one.

    Args:
        path: a run's folder (holding ``run.parquet``), any folder above run folders, or several of them.

    Returns:
        The records. Files that could not be used are named in ``.damaged``; a run that two folders hold counts once.

    Raises:
        AnalysisError: a path does not exist or holds no records, or none of the records can be read.
    """
    roots = tuple(Path(p) for p in ([path] if isinstance(path, str | Path) else path))
    try:
        found = [existing(root) for root in roots]
        lost = [damage for survey in found for damage in survey.damaged]
        splits = [compaction.refreshed(root, survey.runs) for root, survey in zip(roots, found, strict=True)]
        return _opened(roots, splits, lost)
    except RecordsError as error:
        raise AnalysisError(str(error)) from error


def _opened(roots: tuple[Path, ...], splits: Sequence[compaction.Split], lost: Sequence[Damage]) -> Records:
    """Records of the runs of all splits, each run once."""
    places = [folder for split in splits for folder in split.loose]
    loose = dict(zip(places, read_runs(places), strict=True))
    damaged = list(dict.fromkeys([*(damage for tables in loose.values() for damage in tables.damaged), *lost]))
    segments = [
        (root, segment, sorted(fresh), _runs_of(root, segment))
        for root, split in zip(roots, splits, strict=True)
        for segment, fresh in split.segments
    ]
    compacted = [found for root, segment, fresh, run in segments for found in _held(root, segment, fresh, run)]
    kept, repeated = _each_once([*compacted, *_read(loose)])
    files: list[tuple[str, Path, pa.Array | None]] = []
    run_tables: list[pa.Table] = []
    for root, segment, fresh, run in segments:
        wanted = [folder for folder in fresh if root / folder in kept]
        ids = pa.array([segment.runs[folder].run_id for folder in wanted], pa.string())
        whole = len(wanted) == len(segment.runs)
        run_tables.append(run if whole else run.filter(pc.is_in(run["run_id"], ids)))
        inside = segment.files(root).items()
        files += [(table, file, None if whole else ids) for table, file in inside if table != "run"]
    tables = stacked(tables for folder, tables in loose.items() if folder in kept)
    run = concatenate([*run_tables, tables.pop("run")])
    if not len(run):
        names = "; ".join(f"{damage.path}: {damage.reason}" for damage in damaged)
        raise AnalysisError(f"{roots[0]}: no run table could be read ({names}). Rerun the runs that wrote these files.")
    return Records(roots, run, Sources(tables, files), tuple(damaged), tuple(sorted(repeated)))


def _runs_of(root: Path, segment: compaction.Segment) -> pa.Table:
    try:
        return read_table(segment.files(root)["run"])
    except RecordsError as error:
        raise AnalysisError(f"{error}. Remove the cache: python -m analysis compact --remove {root}") from error


@dataclass(frozen=True)
class _Found:
    """A run that a folder holds."""

    folder: Path
    run_id: str
    complete: bool


def _held(root: Path, segment: compaction.Segment, fresh: Sequence[str], run: pa.Table) -> Iterator[_Found]:
    status = dict(zip(run["run_id"].to_pylist(), run["status"].to_pylist(), strict=True))
    for folder in fresh:
        run_id = segment.runs[folder].run_id
        yield _Found(root / folder, run_id, status.get(run_id) == "complete")


def _read(loose: Mapping[Path, Tables]) -> Iterator[_Found]:
    for folder in sorted(folder for folder, tables in loose.items() if "run" in tables):
        row = loose[folder]["run"].select(["run_id", "status"]).to_pylist()[0]
        yield _Found(folder, row["run_id"], row["status"] == "complete")


def _each_once(found: Sequence[_Found]) -> tuple[set[Path], list[Path]]:
    """Folders of the runs that count, complete ones before others, and folders that hold copies of these.

    A folder that is reached by two paths is no copy of itself.
    """
    real = {parent: parent.resolve() for parent in {one.folder.parent for one in found}}
    kept: dict[str, Path] = {}
    repeated: list[Path] = []
    seen: set[Path] = set()
    for one in sorted(found, key=lambda one: not one.complete):
        place = real[one.folder.parent] / one.folder.name
        if place in seen:
            continue
        seen.add(place)
        if one.run_id in kept:
            repeated.append(one.folder)
        else:
            kept[one.run_id] = one.folder
    return set(kept.values()), repeated


_READ_OF_RUN = ("provenance.processor", "config.dataset", "config.trained_on")
"""Columns that ``views.sql`` reads of ``run``; some runs lack them (killed before the first epoch, no evaluation)."""

_EMPTY = {
    "function_spectrum": (
        "SELECT '' AS run_id, 0 AS epoch, 0 AS frequency, 0.0 AS target_amplitude, 0.0 AS amplitude, "
        "0.0 AS explained_variance LIMIT 0"
    )
}
"""Tables of further probes that ``views.sql`` reads, as they are where no run recorded them."""


def _each_named(names: Sequence[str]) -> list[str]:
    """The names, those that stood before with a number that makes them new."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in count(1))
        found.append(name if name not in found else next(n for n in numbered if n not in {*names, *found}))
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _views() -> list[str]:
    text = (Path(__file__).parent / "views.sql").read_text(encoding="utf-8")
    return [part for part in re.sub(r"--.*", "", text).split(";") if part.strip()]
