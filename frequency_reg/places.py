"""A limited number of places on this machine, taken by processes of one user and free again when they end."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

GIB = 2**30
SWEEP_MEMORY = GIB
"""What one sweep's command, its server process and two small runs take together, measured."""

_POLL_SECONDS = 0.2
_held: list[int] = []  # descriptors whose locks this process holds until it ends


def claim(names: Sequence[str], *, folder: Path | None = None, full: Callable[[], None] = lambda: None) -> str:
    """Wait until one of ``names`` is free, take it until this process ends, and return it.

    Every place is a lock on a file that all processes of the user on this machine see; a killed process frees its own.

    Args:
        names: of the places, the preferred first.
        folder: of the lock files; by default one of the user's in the machine's temporary directory.
        full: called once if none is free.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"frequency_reg-places-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for name in names:
            if _try(folder / name.replace("/", "-")):
                return name
        full()
        full = _nothing
        time.sleep(_POLL_SECONDS)


def sweeps_that_fit() -> int:
    """How many sweeps the memory of this machine holds beside as much for everything else."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, int(memory // (2 * SWEEP_MEMORY)))


def _nothing() -> None:
    pass


def _try(file: Path) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held.append(descriptor)
    return True
