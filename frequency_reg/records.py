"""The Parquet records of a run: what each table holds, how it is written, how it is read.

One directory a run holds one Parquet file a table, in long format. Every table carries ``run_id``. This module is the
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

import contextlib
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from frequency_reg import presence
from frequency_reg.validity import UnfitError, as_text, fitted, of_one_run, one_run, plain, version_of

SCHEMA_VERSION = 3
"""Raised whenever a table's columns or their meaning change; old versions stay readable."""

STATUSES = ("running", "complete", "diverged", "pruned", "failed", "oom", "timeout", "killed")

_METADATA_PREFIX = "frequency_reg."


class RecordsError(Exception):
    """Records could not be written, or there are none to read. The message names the path and the way out."""


def field(name: str, kind: pa.DataType, definition: str, *, unit: str = "1", measured: bool = False) -> pa.Field:
    """An Arrow field that carries its definition and unit; ``measured`` marks what two equal runs may differ in."""
    metadata = {"definition": definition, "unit": unit}
    if measured:
        metadata["measured"] = "true"
    return pa.field(name, kind, metadata=metadata)


_RUN_ID = field("run_id", pa.string(), "hash of the resolved configuration that made the run")
_EPOCH = field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch")
_LAYER = field("layer", pa.string(), "module path of the convolution")
_DEPTH = field("depth", pa.int32(), "index among the convolutions with square kernels, 0 is the stem")
_NORMALIZATION = field(
    "normalization", pa.string(), "how H is formed: dc, total, energy, absolute, absolute_folded; see ssr.value"
)
_SSR = "(H_ref - H) / H_ref; positive = less high-frequency power than the reference"

TABLES: dict[str, pa.Schema] = {
    "run": pa.schema(
        [
            _RUN_ID,
            field("run_name", pa.string(), "name of the run's directory"),
            field("status", pa.string(), "one of " + ", ".join(STATUSES)),
            field("status_detail", pa.string(), "why the run did not complete; NULL if it did"),
            _EPOCH,
            field("train_loss", pa.float64(), "mean training loss over the last epoch", unit="nat"),
            field("train_accuracy", pa.float64(), "training accuracy over the last epoch, augmented images"),
            field("validation_loss", pa.float64(), "mean loss on the validation split, last epoch", unit="nat"),
            field("validation_accuracy", pa.float64(), "accuracy on the validation split, last epoch"),
            field("clean_loss", pa.float64(), "mean loss on the uncorrupted test set", unit="nat"),
            field("clean_accuracy", pa.float64(), "accuracy on the uncorrupted test set"),
            field("parameters", pa.int64(), "trainable parameters of the prepared model"),
            field("tables", pa.string(), "rows of each other table of the run when this row was written, as JSON"),
            field("train_seconds", pa.float64(), "wall time of all epochs", unit="s", measured=True),
            field("evaluate_seconds", pa.float64(), "wall time of the final evaluation", unit="s", measured=True),
            field("peak_memory", pa.int64(), "peak resident memory of the process", unit="byte", measured=True),
        ]
    ),
    "epochs": pa.schema(
        [
            _RUN_ID,
            _EPOCH,
            field("train_loss", pa.float64(), "mean training loss over the epoch; NULL at epoch 0", unit="nat"),
            field("train_accuracy", pa.float64(), "training accuracy over the epoch, augmented images"),
            field("validation_loss", pa.float64(), "mean loss on the validation split after the epoch", unit="nat"),
            field("validation_accuracy", pa.float64(), "accuracy on the validation split after the epoch"),
            field("learning_rate", pa.float64(), "learning rate of the epoch's last step; NULL at epoch 0"),
            field("train_seconds", pa.float64(), "wall time of the epoch's updates", unit="s", measured=True),
        ]
    ),
    "spectra": pa.schema(
        [
            _RUN_ID,
            _EPOCH,
            _LAYER,
            _DEPTH,
            field("kernel", pa.int32(), "kernel size k of the k x k convolution", unit="sample"),
            field("radius", pa.float64(), "sqrt(f_u^2 + f_v^2), f = fftfreq(k) * k", unit="cycle per kernel"),
            field("multiplicity", pa.int32(), "DFT bins on that radius; mean power x multiplicity = ring energy"),
            field("power", pa.float64(), "|DFT2(W)|^2, mean over the ring and over all out x in kernels"),
        ]
    ),
    "ssr": pa.schema(
        [
            _RUN_ID,
            _EPOCH,
            _LAYER,
            _DEPTH,
            _NORMALIZATION,
            field("reference", pa.string(), "state that H_ref is taken from: init or epoch_1"),
            field("value", pa.float64(), "Spectral Suppression Ratio, " + _SSR),
            field(
                "status",
                pa.string(),
                "ok, or why value is NULL: no_high_band, zero_reference, not_finite, no_gain, no_statistics",
            ),
        ]
    ),
    "ssr_null": pa.schema(
        [
            _RUN_ID,
            _LAYER,
            _DEPTH,
            _NORMALIZATION,
            field("draw", pa.int32(), "number of the pair of independent random initialisations"),
            field("value", pa.float64(), "SSR between two random initialisations of the layer, " + _SSR),
        ]
    ),
    "robustness": pa.schema(
        [
            _RUN_ID,
            field("split", pa.string(), "test or validation"),
            field("corruption", pa.string(), "name of the corruption"),
            field("severity", pa.int32(), "position in the corruption's list of parameters; 0 is the clean set"),
            field("parameter", pa.float64(), "the corruption's physical parameter at that severity; NULL at 0"),
            field("parameter_unit", pa.string(), "what the parameter is and its unit, as text for an axis"),
            field("accuracy", pa.float64(), "accuracy on the corrupted split"),
            field("loss", pa.float64(), "mean loss on the corrupted split", unit="nat"),
            field("n", pa.int64(), "images in the split", unit="image"),
        ]
    ),
    "regularizer": pa.schema(
        [
            _RUN_ID,
            _EPOCH,
            field("layer", pa.string(), "module path the quantity belongs to"),
            field("quantity", pa.string(), "what the regularizer reports of itself, such as share_removed"),
            field("value", pa.float64(), "its value; definition in the regularizer's docstring"),
        ]
    ),
}
"""Schema of every table, by name. A probe that adds a table declares its schema in its own file."""

_INDISPENSABLE = {
    "run": ("run_id", "run_name", "status"),
    "epochs": ("run_id", "epoch"),
    "spectra": ("run_id", "epoch", "layer", "depth", "kernel", "radius", "multiplicity", "power"),
    "ssr": ("run_id", "epoch", "layer", "depth", "normalization", "reference", "value", "status"),
    "ssr_null": ("run_id", "layer", "depth", "normalization", "draw", "value"),
    "robustness": ("run_id", "split", "corruption", "severity", "accuracy"),
    "regularizer": ("run_id", "epoch", "layer", "quantity", "value"),
}
"""Columns without which a file is not the table of its name; the others are NULL where older records lack them."""


# --- writing ---------------------------------------------------------------------------------------------------------


def write_table(path: Path, table: pa.Table, *, rows_per_group: int | None = None) -> None:
    """Publish ``table`` at ``path`` by :func:`write_file`, in row groups of at most ``rows_per_group`` rows.

    Raises:
        RecordsError: the file system refused (disk full, read-only, ...), naming the path.
    """
    _publish(path, lambda sink: pq.write_table(table, sink, compression="zstd", row_group_size=rows_per_group))


def write_file(path: Path, content: bytes) -> None:
    """Publish ``content`` at ``path``: temporary file in the same directory, fsync, rename, fsync of the directory.

    A reader sees the old file or the new one, never a part. On failure the old file is intact and no temporary is left.
    The directory is made if it is missing.

    Raises:
        RecordsError: the file system refused (disk full, read-only, ...), naming the path.
    """
    _publish(path, lambda sink: sink.write(content))


def _publish(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            write(sink)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _fsync_directory(path.parent)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RecordsError(
            f"{path}: could not be written ({error.strerror or error}); what stood there is intact. "
            "Free space or mend the permissions, then repeat the command: it goes on from the last checkpoint."
        ) from error


def _fsync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


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
    write_table(path, _with_status(table, status, detail))


def _with_status(run: pa.Table, status: str, detail: str) -> pa.Table:
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


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damage:
    """A file that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Survey:
    """What lies below a folder: the folders of runs, sorted, and the damage of folders that were one."""

    runs: tuple[Path, ...]
    damaged: tuple[Damage, ...]


class Tables(dict[str, pa.Table]):
    """Tables by name, with the files that could not be read in :attr:`damaged`."""

    def __init__(self, tables: Mapping[str, pa.Table], damaged: Sequence[Damage] = ()) -> None:
        super().__init__(tables)
        self.damaged: tuple[Damage, ...] = tuple(damaged)


def run_directories(path: str | Path) -> list[Path]:
    """Directories at or below ``path`` that hold a run's records, sorted by name.

    Hidden folders below ``path`` hold no runs, nor do the folders inside a run's own.
    """
    return list(survey(path).runs)


def survey(path: str | Path) -> Survey:
    """:func:`run_directories`, and each folder that holds other files of a run while nobody does it, as damage."""
    found: list[Path] = []
    damaged: list[Damage] = []
    for folder, inside, files in os.walk(path):
        if "run.parquet" in files:
            found.append(Path(folder))
            inside.clear()
        elif (left := _left(files)) and presence.holder(Path(folder)) is None:
            damaged.append(Damage(Path(folder) / "run.parquet", f"no run.parquet beside the {left} of a run"))
        inside[:] = [name for name in inside if not name.startswith(".")]
    return Survey(tuple(sorted(found)), tuple(sorted(damaged, key=lambda damage: damage.path)))


_TABLE_FILES = frozenset(f"{name}.parquet" for name in TABLES)
_CHECKPOINT = re.compile(r"checkpoint-\d{6}\.pt")


def _left(files: Sequence[str]) -> str:
    """What files say that their folder, which has no ``run.parquet``, was a run's; empty if nothing does."""
    if not _TABLE_FILES.isdisjoint(files):
        return "tables"
    return "checkpoint" if any(_CHECKPOINT.fullmatch(name) for name in files) else ""


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


def existing(path: str | Path) -> Survey:
    """:func:`survey`, which must find a run.

    Raises:
        RecordsError: ``path`` does not exist or holds no records.
    """
    root = Path(path)
    if not root.exists():
        raise RecordsError(f"{root}: no such folder. Give a run's folder or a sweep's folder that holds run folders.")
    if root.is_file():
        raise RecordsError(f"{root}: a file. Give the run's folder that holds it, or the sweep's folder above.")
    found = survey(root)
    if not found.runs:
        lost = f" Folders with other files of a run: {len(found.damaged)}." if found.damaged else ""
        raise RecordsError(
            f"{root}: no records here (no run.parquet at any depth).{lost} "
            "Give a run's folder or a sweep's folder, such as outputs/NAME."
        )
    return found


def read_table(file: Path) -> pa.Table:
    """One Parquet file, whole, without its stamp.

    Raises:
        RecordsError: it cannot be read.
    """
    try:
        return pq.ParquetFile(file).read().replace_schema_metadata()
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(f"{file}: cannot be read ({error}). Remove it.") from error


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
            table = _fitted(file.stem, pq.ParquetFile(file).read(use_threads=False))
            if file.stem == "run":
                run_id, recorded = one_run(table), recorded_tables(table)
                table = _without_ghost(directory, table)
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


def _without_ghost(directory: Path, run: pa.Table) -> pa.Table:
    """A run that says ``running`` while no process does it was killed before it could say so."""
    if run["status"].to_pylist() != ["running"] or presence.holder(directory) is not None:
        return run
    return _with_status(run, "killed", "its process ended without a word; the same command goes on from its checkpoint")


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
    schema = TABLES.get(name, pa.schema([_RUN_ID]))
    table = fitted(table.replace_schema_metadata(), schema, _INDISPENSABLE.get(name, ("run_id",)))
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


def concatenate(chunks: Iterable[pa.Table]) -> pa.Table:
    """Stack tables whose ``config.*`` columns may differ: absent is NULL, int widens to float, otherwise text."""
    chunks = list(chunks)
    with contextlib.suppress(pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.concat_tables(chunks, promote_options="permissive")
    kinds: dict[str, set[pa.DataType]] = {}
    for table in chunks:
        for entry in table.schema:
            kinds.setdefault(entry.name, set()).add(entry.type)
    several = {name for name, types in kinds.items() if len(types - {pa.null()}) > 1}
    mixed = {name for name in several if not _promotable(name, kinds[name])}
    with contextlib.suppress(pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.concat_tables([_as_text(table, mixed) for table in chunks], promote_options="permissive")
    # Types that widen in principle, with a value that does not (2**53 + 1 is no float).
    return pa.concat_tables([_as_text(table, several) for table in chunks], promote_options="permissive")


def _promotable(name: str, kinds: Iterable[pa.DataType]) -> bool:
    try:
        pa.unify_schemas([pa.schema([(name, kind)]) for kind in kinds], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for name in names & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, as_text(table[name]))
    return table


def content_digest(path: str | Path) -> str:
    """SHA-256 over all values of a run's tables except the measured ones: equal runs have equal digests.

    Floats count by their bits. Row order counts.
    """
    digest = hashlib.sha256()
    for file in sorted(Path(path).glob("*.parquet")):
        table = pq.ParquetFile(file).read()
        for entry in table.schema:
            if (entry.metadata or {}).get(b"measured") == b"true":
                continue
            digest.update(f"{file.stem}/{entry.name}:{entry.type}\n".encode())
            for value in table[entry.name].to_pylist():
                digest.update(_bits(value))
    return digest.hexdigest()


def _bits(value: Any) -> bytes:
    if isinstance(value, float):
        return math.copysign(1, value).hex().encode() + value.hex().encode() + b";"
    return repr(value).encode() + b";"
