"""Remove what a sweep needs no longer: ``python -m sweeps clean``. Nothing but run folders and what they hold.

A run that a living process does is left alone: the run is held while its files are removed. Symbolic links are not
followed; a link in a run's folder is removed as a link.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frequency_reg import presence
from frequency_reg.config import ConfigError
from frequency_reg.run_id import FINISHED
from sweeps.folder import Run, Sweep, is_run_folder, shown

_CHECKPOINTS = ("checkpoint-*.pt", "checkpoint-*.sha256")
_LEFTOVERS = (".*.tmp",)
_NOUNS = {"run": "run folder", "checkpoint": "checkpoint file", "leftover": "leftover file"}


@dataclass(frozen=True)
class Item:
    """Something to be removed.

    Attributes:
        path: a run's folder, or a file in it.
        directory: the run's folder.
        size: bytes that it takes.
    """

    path: Path
    directory: Path
    size: int

    @property
    def kind(self) -> str:
        """``run``, ``checkpoint`` or ``leftover``."""
        if self.path == self.directory:
            return "run"
        return "leftover" if self.path.name.endswith(".tmp") else "checkpoint"


def superfluous(sweep: Sweep) -> list[Item]:
    """Checkpoints of finished runs, and what interrupted writing left behind in any run."""
    finished = [run for run in sweep.runs if run.status in FINISHED]
    found = checkpoints(finished)
    for run in _there(sweep.runs):
        found += _files(run.directory, _LEFTOVERS)
    return sorted(found, key=lambda item: item.path)


def checkpoints(runs: Sequence[Run]) -> list[Item]:
    """The checkpoints of ``runs``, with their checksums."""
    return [item for run in _there(runs) for item in _files(run.directory, _CHECKPOINTS)]


def folders(runs: Sequence[Run]) -> list[Item]:
    """The folders of ``runs``, whole."""
    return [Item(run.directory, run.directory, _size(run.directory)) for run in _there(runs)]


def unplanned(sweep: Sweep) -> list[Run]:
    """Runs that no command of the folder means.

    Raises:
        ConfigError: the folder does not tell which those are.
    """
    if any(run.planned is None for run in sweep.runs):
        raise ConfigError(
            f"{shown(sweep.folder)}: --unplanned: no manifest says of every run whether it is planned (there is none, "
            "one cannot be read, or a search chooses its runs as it goes); choose the runs with --status"
        )
    return [run for run in sweep.runs if run.planned is False]


def remove(items: Sequence[Item]) -> tuple[list[Item], dict[Path, str]]:
    """Remove ``items``; returns those that are gone, and why of others, by path."""
    gone, kept = [], {}
    for item in items:
        try:
            with presence.hold(item.directory) as ours:
                if ours is None:
                    kept[item.path] = "a process is doing this run"
                    continue
                if item.path == item.directory:
                    shutil.rmtree(item.path)
                else:
                    item.path.unlink(missing_ok=True)
            gone.append(item)
        except OSError as error:
            kept[item.path] = (error.strerror or str(error)).lower()
    return gone, kept


def _there(runs: Sequence[Run]) -> Iterator[Run]:
    """Runs with a folder that no process works in."""
    for run in runs:
        if run.sign is None and not run.directory.is_symlink() and is_run_folder(run.directory):
            yield run


def _files(directory: Path, patterns: Sequence[str]) -> list[Item]:
    found = (file for pattern in patterns for file in directory.glob(pattern) if _is_file(file))
    return [Item(file, directory, file.lstat().st_size) for file in found]


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _size(directory: Path) -> int:
    """Bytes of the files below ``directory``, links not followed."""
    return sum(file.lstat().st_size for file in directory.rglob("*") if _is_file(file))


# --- text ------------------------------------------------------------------------------------------------------------


def describe(items: Sequence[Item], *, done: bool) -> str:
    """One line for each of ``items`` and their sum; ``done``: they are gone."""
    lines = [f"{_bytes(item.size):>10}  {shown(item.path)}" for item in items]
    counts = Counter(item.kind for item in items)
    counted = ", ".join(f"{n} {_NOUNS[kind]}{'' if n == 1 else 's'}" for kind, n in counts.items())
    total = _bytes(sum(item.size for item in items))
    lines.append(f"{total:>10}  {'removed' if done else 'to remove'}: {counted or 'nothing'}")
    return "\n".join(lines)


def as_json(items: Sequence[Item], kept: Mapping[Path, str], *, removed: bool) -> dict[str, Any]:
    """What ``clean --json`` prints.

    ``removed``: whether the items are gone or would be; ``bytes``: their sum; ``items``: ``path``, ``kind`` (run,
    checkpoint, leftover), ``bytes`` of each; ``kept``: ``path`` and ``reason`` of what could not be removed.
    """
    return {
        "removed": removed,
        "bytes": sum(item.size for item in items),
        "items": [{"path": str(item.path), "kind": item.kind, "bytes": item.size} for item in items],
        "kept": [{"path": str(path), "reason": reason} for path, reason in kept.items()],
    }


def _bytes(n: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024:
            return f"{n:.0f} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} TiB"
