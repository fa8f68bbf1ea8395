"""``python -m analysis compact``: the cache of :mod:`frequency_reg.compaction`, made and removed on request."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from analysis.load import AnalysisError
from frequency_reg import compaction
from frequency_reg.records import Damage, RecordsError, existing, read_run


def compacted(root: Path) -> tuple[str, list[Damage]]:
    """Make or complete the cache of the runs below ``root``; what was done, in words, and what is damaged there.

    Raises:
        AnalysisError: no records are there, or the folder cannot be written.
    """
    try:
        found = existing(root)
        directories = found.runs
        added = compaction.compact(root, directories)
        loose = compaction.split(root, directories).loose
    except RecordsError as error:
        raise AnalysisError(_cause(error, root)) from error
    before = _size(file for directory in directories for file in directory.glob("*.parquet"))
    after = _size((root / compaction.FOLDER).rglob("*.rows"))
    left = f", {len(loose)} are unfinished or damaged and stay as they are" if loose else ""
    text = (
        f"{len(directories) - len(loose)} of {len(directories)} runs in {root / compaction.FOLDER}, {added} of them new"
        f"{left}; records {_bytes(before)}, cache {_bytes(after)}"
    )
    return text, [*(damage for folder in loose for damage in read_run(folder).damaged), *found.damaged]


def _cause(error: RecordsError, root: Path) -> str:
    """The reason without the advice that runs need: there is no checkpoint to go on from."""
    text = str(error)
    if "could not be written" not in text:
        return text
    cause = text.partition("(")[2].partition(")")[0]
    return (
        f"{root / compaction.FOLDER}: the cache could not be written ({cause}). The records can be read without it; "
        "to have one, mend the folder's permissions or free space, or copy the records to a folder of your own."
    )


def removed(root: Path) -> str:
    """Delete the cache below ``root``; what was done, in words.

    Raises:
        AnalysisError: there is no cache, or it cannot be deleted.
    """
    folder = root / compaction.FOLDER
    if folder.is_symlink() or not folder.is_dir():
        raise AnalysisError(f"{folder}: no such folder, so there is no cache to remove. Give the sweep's folder.")
    size = _size(folder.rglob("*.rows"))
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise AnalysisError(f"{folder}: could not be removed ({error.strerror}). Mend its permissions.") from error
    return f"{folder} removed, {_bytes(size)}; the records are as they were"


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _bytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"
