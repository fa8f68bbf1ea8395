"""Which folders hold the records of runs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frequency_reg import presence
from frequency_reg.records.files import RecordsError
from frequency_reg.records.schema import TABLES

_TABLE_FILES = frozenset(f"{name}.parquet" for name in TABLES)
_CHECKPOINT = re.compile(r"checkpoint-\d{6}\.pt")


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
            if (Path(folder) / "run.parquet").exists():  # published since the folder was listed
                found.append(Path(folder))
                inside.clear()
                continue
            damaged.append(Damage(Path(folder) / "run.parquet", f"no run.parquet beside the {left} of a run"))
        inside[:] = [name for name in inside if not name.startswith(".")]
    return Survey(tuple(sorted(found)), tuple(sorted(damaged, key=lambda damage: damage.path)))


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


def _left(files: Sequence[str]) -> str:
    """What files say that their folder, which has no ``run.parquet``, was a run's; empty if nothing does."""
    if not _TABLE_FILES.isdisjoint(files):
        return "tables"
    return "checkpoint" if any(_CHECKPOINT.fullmatch(name) for name in files) else ""
