"""A folder of arrays that all runs of a machine share: made once, mapped into memory after that, bounded in size.

One file an array, ``KEY.raw``: its values in C order and nothing else, so that its size tells whether it is whole. A
file is written beside its place, flushed to the disk and renamed: it appears complete or not at all. Damage that leaves
its size as it was is not seen; no check of the content would be cheaper than what it protects.

One process makes an array while others that want it wait for its lock. The system drops the lock of a process that
dies, and the next one makes the array. There are 16 locks, chosen by the key's first digit, so that their files do not
pile up; two arrays that share one are made one after the other.

Where there is no room, arrays that nobody has read for an hour go, the longest unread first. Younger ones stay and the
new one is not kept: runs of a sweep read their arrays in turn, and if these were a little too large together, removing
the oldest would remove each just before it is read again.

The folder may be deleted at any time; a process that has mapped a file keeps its pages.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frequency_reg.dataset.cache import exclusive

SMALLEST = 4 * 2**20
"""Bytes of the smallest array that is kept: below it, flushing a file takes longer than making the images anew."""

UNREAD_SECONDS = 3600
"""For how long an array that was read stays, whatever wants its room."""

SPARE = 2**30
"""Bytes of the disk that are left free: records and checkpoints need them more."""

log = logging.getLogger(__name__)


class ArrayCache:
    """Arrays by their keys.

    Args:
        folder: where they are kept; made when the first one is.
        limit: bytes that all of them may take; 0 keeps none and reads none.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._refused = False

    def array(
        self, key: str, shape: tuple[int, ...], dtype: np.dtype[Any], make: Callable[[], Iterable[NDArray[Any]]]
    ) -> NDArray[Any] | None:
        """The array of ``key`` on a private memory map: writing to it changes neither the file nor another process.

        Args:
            key: hexadecimal; equal keys mean equal content, shape and dtype.
            shape: of the whole array.
            dtype: of its values.
            make: its blocks along the first axis, asked for where the array is not there; what it raises is passed on,
                unless it is an OSError.

        Returns:
            None where the array is not kept and the caller must make do with what ``make`` gives: it is smaller than
            :data:`SMALLEST`, there is no room, or, with one logged warning, the folder cannot be written.
        """
        size = math.prod(shape) * dtype.itemsize
        if not SMALLEST <= size <= self.limit:
            return None
        path = self.folder / f"{key}.raw"
        found = _mapped(path, shape, dtype)
        if found is not None or self._refused:
            return found
        try:
            with exclusive(self.folder / f"{key[:1]}.lock"):
                found = _mapped(path, shape, dtype, quiet=True)  # another process may have made it meanwhile
                if found is None and self._reserve(path.with_suffix(".tmp"), size):
                    _publish(path, size, make())
                    found = _mapped(path, shape, dtype)
        except OSError as error:
            self._refuse(error)
        return found

    def _reserve(self, temporary: Path, size: int) -> bool:
        """Make room and a file of ``size`` bytes that takes it on the disk; False where too much was read lately."""
        with exclusive(self.folder / "room.lock"):
            files = []
            for file in self.folder.iterdir():
                if file.suffix in (".raw", ".tmp") and file != temporary:
                    with suppress(FileNotFoundError):
                        files.append((file.stat().st_mtime, file.stat().st_size, file))
            excess = sum(taken for _, taken, _ in files) + size - self.limit
            unread = sorted(entry for entry in files if time.time() - entry[0] > UNREAD_SECONDS)
            if excess > sum(taken for _, taken, _ in unread):
                return False
            for _, taken, file in unread:
                if excess > 0:
                    file.unlink(missing_ok=True)
                    excess -= taken
            if shutil.disk_usage(self.folder).free < size + SPARE:
                raise OSError(errno.ENOSPC, f"less than {SPARE / 2**30:g} GiB of the disk would stay free")
            with temporary.open("wb") as file_:
                _allocate(file_.fileno(), size)
        return True

    def _refuse(self, error: OSError) -> None:
        """Say once that nothing more will be written."""
        self._refused = True
        log.warning(
            "cannot write the cache of corrupted images in %s (%s); they are computed anew. Set FREQUENCY_REG_CACHE to "
            "a folder with room that can be written, or runtime.corruption_cache_gib=0",
            self.folder,
            error.strerror or error,
        )


def _allocate(descriptor: int, size: int) -> None:
    """Give a file its length, and its blocks too where the system can say so beforehand.

    Raises:
        OSError: the disk has no room.
    """
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (AttributeError, OSError) as error:  # macOS has no such call, some file systems refuse it
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        os.ftruncate(descriptor, size)


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], *, quiet: bool = False) -> NDArray[Any] | None:
    """The file's values, marked as read now; None where it is missing or damaged (a warning unless ``quiet``)."""
    size = math.prod(shape) * dtype.itemsize
    try:
        found = path.stat().st_size
        if found != size:
            if not quiet:
                log.warning("%s is damaged (%d bytes, expected %d); it is made anew", path, found, size)
            return None
        # Mode "c" (copy on write) gives torch writable memory without making the file writable.
        values: NDArray[Any] = np.memmap(path, dtype, mode="c", shape=shape)
    except OSError:  # not there, or what making it anew will say
        return None
    with suppress(OSError):  # a folder that can only be read
        os.utime(path)
    return values


def _publish(path: Path, size: int, blocks: Iterable[NDArray[Any]]) -> None:
    """Write the blocks beside ``path`` and rename them into place; the caller holds the lock.

    Raises:
        OSError: the file system refused; nothing is left behind.
        ValueError: the blocks do not have ``size`` bytes together.
    """
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("r+b") as file:
            for block in blocks:
                file.write(np.ascontiguousarray(block).data)
            if file.tell() != size:
                raise ValueError(f"{path}: blocks of {file.tell()} bytes together, expected {size}")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
