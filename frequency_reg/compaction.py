"""Many runs' small files in a few large ones: a cache beside the records, rebuilt from them at any time.

``SWEEP/.compact/index.json`` lists *segments*; a segment is a folder of Parquet files, one a table, that hold the rows
of up to :data:`SEGMENT` finished runs, with the signature (names, sizes, times of change) of each run's files. A run is
read from its segment only while its signature is the same; a run that changed, runs, or has a damaged file is read from
its own folder. The records themselves are never touched.

A segment is written whole before the index that names it, and both are published by rename: a kill at any moment leaves
the old index with its old segments. Segments that no index names are removed an hour later, when nobody reads them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from frequency_reg.records import SCHEMA_VERSION, RecordsError, Tables, read_runs, stacked, write_file, write_table

FOLDER = ".compact"
SEGMENT = 500
"""Runs in a segment: small enough to hold in memory, large enough that files are few."""
WORTHWHILE = 300
"""From this many uncompacted finished runs on, reading compacts by itself, and so does the end of a sweep."""

_VERSION = f"{SCHEMA_VERSION}.2"
_ORDER = {
    "ssr": ["normalization", "reference", "epoch"],
    "ssr_null": ["normalization"],
    "spectra": ["epoch"],
    "robustness": ["split", "corruption"],
}
"""What rows are sorted by: readers ask for few of these values, and skip the row groups that hold others."""
_ROWS = 65_536
_UNUSED_FOR = 3600.0


class Compacted(NamedTuple):
    """One compacted run: its identity, and what its files were like then."""

    run_id: str
    signature: str


@dataclass(frozen=True)
class Segment:
    """Compacted runs: bytes of each table's file, and each run by its folder relative to the sweep's."""

    name: str
    tables: Mapping[str, int]
    runs: Mapping[str, Compacted]

    def files(self, root: Path) -> dict[str, Path]:
        """File of every table."""
        return {table: root / FOLDER / self.name / f"{table}.rows" for table in self.tables}

    def intact(self, root: Path) -> bool:
        """Whether every file is there in full."""
        try:
            return all(file.stat().st_size == self.tables[name] for name, file in self.files(root).items())
        except OSError:
            return False


@dataclass(frozen=True)
class Split:
    """Where the rows of a sweep's runs are read from.

    Attributes:
        segments: each with the folders of its runs that are still as they were.
        loose: run folders to be read themselves.
    """

    segments: Sequence[tuple[Segment, frozenset[str]]]
    loose: Sequence[Path]


def split(root: Path, directories: Sequence[Path]) -> Split:
    """Which runs the compacted segments still hold, and which must be read from their own folders."""
    segments = _index(root)
    if not segments:
        return Split([], directories)
    signatures = _signatures(root, directories)
    fresh = [(s, frozenset(f for f, run in s.runs.items() if signatures.get(f) == run.signature)) for s in segments]
    held = frozenset().union(*(runs for _, runs in fresh))
    loose = [d for d, name in zip(directories, signatures, strict=True) if name not in held]
    return Split([(segment, runs) for segment, runs in fresh if runs], loose)


def refreshed(root: Path, directories: Sequence[Path]) -> Split:
    """Where the runs are read from, after compacting if many are loose; a folder that refuses the cache has none."""
    found = split(root, directories)
    if len(found.loose) < WORTHWHILE:
        return found
    with contextlib.suppress(RecordsError):
        compact(root, directories)
        return split(root, directories)
    return found


def compact(root: Path, directories: Sequence[Path]) -> int:
    """Write segments for every finished, undamaged run that no segment holds.

    A segment of which less than half is still true is written anew. The runs stay as they are.

    Returns:
        Number of runs newly compacted.

    Raises:
        RecordsError: the folder cannot be written.
    """
    found = split(root, directories)
    kept = [segment for segment, runs in found.segments if 2 * len(runs) >= len(segment.runs)]
    again = {run for segment, runs in found.segments if segment not in kept for run in runs}
    wanted = sorted({*found.loose, *(root / run for run in again)})
    added = []
    for start in range(0, len(wanted), SEGMENT):
        part = wanted[start : start + SEGMENT]
        signatures = _signatures(root, part)  # before reading: a run that changes meanwhile will not match
        segment = _write(root, dict(zip(signatures.items(), read_runs(part), strict=True)))
        added += [segment] if segment is not None else []
    if added or len(kept) < len(found.segments):
        _publish(root, [*kept, *added])
    return sum(len(segment.runs) for segment in added)


def _signatures(root: Path, directories: Iterable[Path]) -> dict[str, str]:
    """Signature of each run by its folder relative to ``root``: names, sizes and times of change of its files."""
    return {str(directory.relative_to(root)): _signature(directory) for directory in directories}


def _signature(directory: Path) -> str:
    """Empty where the folder vanishes meanwhile: no run's."""
    try:
        with os.scandir(directory) as entries:
            files = sorted((e.name, e.stat()) for e in entries if e.name.endswith(".parquet") and e.name[0] != ".")
    except OSError:
        return ""
    return ";".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in files)


def _write(root: Path, runs: Mapping[tuple[str, str], Tables]) -> Segment | None:
    """One segment of those runs, by folder and signature, that are finished and undamaged; None if there is none."""
    whole: dict[str, Compacted] = {}
    rows: list[Tables] = []
    for (folder, signature), tables in runs.items():
        run_id = tables["run"]["run_id"].to_pylist()[0] if _settled(tables) else None
        if run_id is not None and all(run_id != other.run_id for other in whole.values()):
            whole[folder] = Compacted(run_id, signature)
            rows.append(tables)
    if not whole:
        return None
    name = hashlib.sha256(json.dumps([_VERSION, sorted(whole.items())]).encode()).hexdigest()[:16]
    sizes = {}
    for table, stack in stacked(rows).items():
        file = root / FOLDER / name / f"{table}.rows"
        keys = [(column, "ascending") for column in _ORDER.get(table, ())]
        write_table(file, stack.take(pc.sort_indices(stack, keys)) if keys else stack, rows_per_group=_ROWS)
        sizes[table] = file.stat().st_size
    return Segment(name, sizes, whole)


def _settled(tables: Tables) -> bool:
    """Whether a run can be compacted: readable in full, and not running (its status would be asked for later)."""
    if tables.damaged or "run" not in tables:
        return False
    status = tables["run"]["status"].to_pylist()
    return len(status) == 1 and status[0] not in ("running", "killed")


def _index(root: Path) -> list[Segment]:
    """Segments of the index whose files are intact; none if there is no index that this version understands."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        content = json.loads((root / FOLDER / "index.json").read_bytes())
        if content["version"] == _VERSION:
            named = [
                Segment(str(s["name"]), dict(s["tables"]), {f: Compacted(*run) for f, run in s["runs"].items()})
                for s in content["segments"]
            ]
            return [segment for segment in named if _plain(segment) and segment.intact(root)]
    return []


def _plain(segment: Segment) -> bool:
    """Whether all names are names: an index from somebody else leads to no file outside its folder."""
    return all(name.replace("_", "").isalnum() for name in (segment.name, *segment.tables))


def _publish(root: Path, segments: Sequence[Segment]) -> None:
    listed = [{"name": s.name, "tables": dict(s.tables), "runs": dict(s.runs)} for s in segments]
    content = json.dumps({"version": _VERSION, "segments": listed}).encode()
    write_file(root / FOLDER / "index.json", content)
    for folder in _unused(root, {segment.name for segment in segments}):
        shutil.rmtree(folder, ignore_errors=True)


def _unused(root: Path, names: set[str]) -> Iterator[Path]:
    for folder in (root / FOLDER).iterdir():
        if folder.is_dir() and folder.name not in names and time.time() - folder.stat().st_mtime > _UNUSED_FOR:
            yield folder
