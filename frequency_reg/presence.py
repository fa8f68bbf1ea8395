"""Who is doing a run at this moment: a lock that ends with its process, a heartbeat, and how far the run is.

``.lock`` in the run's directory is held (``flock``) while a process does the run and says as JSON who does it and how
far it is; both are gone with the process, however it ended. Where a network file system does not carry locks from
machine to machine, the heartbeat stands in: another host's sign counts for :data:`STALE_SECONDS` after its last beat.
"""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOCK_NAME = ".lock"
BEAT_SECONDS = 1.0
STALE_SECONDS = 45.0
"""A heartbeat of another host older than this is of a process that is gone."""

_PATIENCE_SECONDS = 0.5
"""Readers hold the lock for microseconds; only a longer hold is somebody doing the run."""


@dataclass(frozen=True)
class Sign:
    """What the process that does a run says of itself.

    Attributes:
        host, pid: where it runs.
        started: when it took the run up, seconds since 1970.
        epoch, epochs: finished epochs and all of them.
        fraction: share of the training that is done, in [0, 1], the current epoch's batches included.
        first_fraction: ``fraction`` when it took the run up (more than 0 after a resume).
    """

    host: str
    pid: int
    started: float
    epoch: int = 0
    epochs: int = 0
    fraction: float = 0.0
    first_fraction: float = 0.0

    def seconds_left(self, now: float) -> float | None:
        """Training time left at the speed so far; None before there is a speed."""
        done = self.fraction - self.first_fraction
        return (now - self.started) / done * (1 - self.fraction) if done > 0 else None


class Presence:
    """The held lock of a run; :meth:`report` says how far it is."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._sign = Sign(socket.gethostname(), os.getpid(), time.time())
        self._over = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._beat, name="presence", daemon=True)
        self._thread.start()

    def report(self, *, epoch: int, epochs: int, fraction: float) -> None:
        """Say how far the run is; cheap, written with the next heartbeat."""
        first = fraction if self._sign.epochs == 0 else self._sign.first_fraction
        self._sign = dataclasses.replace(
            self._sign, epoch=epoch, epochs=epochs, fraction=fraction, first_fraction=first
        )

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            self._write()

    def _write(self) -> None:
        content = json.dumps(dataclasses.asdict(self._sign)).encode()
        try:
            os.pwrite(self._descriptor, content, 0)
            os.ftruncate(self._descriptor, len(content))
            os.utime(self._descriptor)
        except OSError:
            return  # a full disk must not end a run for want of a heartbeat

    def close(self) -> None:
        """Stop beating and leave no sign."""
        self._over.set()
        self._thread.join()
        os.ftruncate(self._descriptor, 0)


@contextmanager
def hold(directory: Path) -> Iterator[Presence | None]:
    """Hold the run in ``directory`` for this process, or yield None if another process holds it.

    Waits up to :data:`STALE_SECONDS` if a process of another host may still be doing it.

    Raises:
        OSError: the lock's file cannot be written.
    """
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _lock(descriptor) or not _foreign_sign_ends(descriptor):
            yield None
            return
        presence = Presence(descriptor)
        try:
            yield presence
        finally:
            presence.close()
    finally:
        os.close(descriptor)


def holder(directory: Path) -> Sign | None:
    """Who is doing the run in ``directory`` now, or None if nobody is. Changes nothing."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        sign = _read(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return sign or Sign("", 0, time.time())
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
        if sign is None or sign.host == socket.gethostname():
            return None
        return sign if time.time() - os.fstat(descriptor).st_mtime < STALE_SECONDS else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            return True  # no locks on this file system: the heartbeat decides
        else:
            return True


def _foreign_sign_ends(descriptor: int) -> bool:
    """Whether no other host shows a sign of life; watches one that might, by our own clock, for as long as it takes."""
    sign = _read(descriptor)
    if sign is None or sign.host == socket.gethostname():
        return True
    if time.time() - os.fstat(descriptor).st_mtime > 2 * STALE_SECONDS:
        return True
    seen, since = os.fstat(descriptor).st_mtime_ns, time.monotonic()
    while time.monotonic() - since < STALE_SECONDS:
        time.sleep(min(BEAT_SECONDS, STALE_SECONDS / 10))
        if os.fstat(descriptor).st_mtime_ns != seen:
            return False
    return True


def _read(descriptor: int) -> Sign | None:
    try:
        return Sign(**json.loads(os.pread(descriptor, 4096, 0)))
    except (OSError, ValueError, TypeError):
        return None
