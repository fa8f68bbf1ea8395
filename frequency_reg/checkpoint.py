"""Exact resume: checkpoints with checksums, published by rename, the last two kept.

A checkpoint holds tensors and plain types only and loads with ``weights_only=True``, so that a stranger's file runs no
code. Random state is not part of it: the streams of :mod:`frequency_reg.streams` depend on the epoch alone.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from frequency_reg.records import write_file

KEPT = 2
_NAME = re.compile(r"checkpoint-(\d{6})\.pt$")
_log = logging.getLogger(__name__)


def save(directory: Path, epoch: int, state: dict[str, Any]) -> Path:
    """Publish ``state`` as the checkpoint of ``epoch`` and delete all but the last two.

    The checksum is published before the checkpoint, so that a checkpoint without one is damaged by definition.

    Raises:
        RecordsError: the file system refused; older checkpoints are intact.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    path = directory / f"checkpoint-{epoch:06d}.pt"
    for leftover in directory.glob(".checkpoint-*.tmp"):  # of a process that was killed while it wrote one
        leftover.unlink(missing_ok=True)
    write_file(_checksum_path(path), hashlib.sha256(content).hexdigest().encode())
    write_file(path, content)
    for old in _checkpoints(directory)[KEPT:]:
        old.unlink(missing_ok=True)
        _checksum_path(old).unlink(missing_ok=True)
    return path


def exists(directory: Path) -> bool:
    """Whether ``directory`` holds a checkpoint, whole or damaged."""
    return bool(_checkpoints(directory))


def discard(directory: Path) -> None:
    """Delete every checkpoint of ``directory``."""
    for path in _checkpoints(directory):
        path.unlink(missing_ok=True)
        _checksum_path(path).unlink(missing_ok=True)


def load_newest(directory: Path, *, map_location: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The newest undamaged checkpoint, or None if there is none; a warning names every damaged one passed over."""
    for path in _checkpoints(directory):
        try:
            return _load(path, map_location)
        except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            _log.warning("%s: damaged checkpoint passed over (%s)", path, error)
    return None


def _load(path: Path, map_location: torch.device | str) -> dict[str, Any]:
    content = path.read_bytes()
    expected = _checksum_path(path).read_text().strip()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(f"SHA-256 expected {expected[:12]}..., found {found[:12]}...")
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=map_location, weights_only=True)
    return state


def _checkpoints(directory: Path) -> list[Path]:
    return sorted((p for p in directory.glob("checkpoint-*.pt") if _NAME.search(p.name)), reverse=True)


def _checksum_path(path: Path) -> Path:
    return path.with_suffix(".sha256")
