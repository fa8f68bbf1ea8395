"""Decoded data sets as memory-mapped arrays that all runs of a machine share.

``<cache>/<name>-<key>/`` holds one ``.npy`` file an array and ``content.json`` with the sizes and the digest. The key
is a fingerprint of the source: name, version of this format, and the name, size and modification time of every file.
One process decodes while others wait for its lock; a folder appears complete, by rename, or not at all; one whose files
do not have the recorded sizes is decoded again. ``<cache>`` is the folder in the environment variable
FREQUENCY_REG_CACHE, else ``frequency-reg`` in XDG_CACHE_HOME or ``~/.cache``. Where it cannot be written, images are
decoded in memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from frequency_reg.dataset.base import ARRAYS, Decoded

# Raise it whenever decoding changes what it returns: older caches are then left alone.
FORMAT_VERSION = 1

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where decoded data sets are kept; the folder may not exist yet."""
    chosen = os.environ.get("FREQUENCY_REG_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "frequency-reg"


def cached(name: str, sources: Sequence[Path], decode: Callable[[], Decoded]) -> Decoded:
    """What ``decode`` returns, from the cache if ``sources`` were decoded before.

    Args:
        name: the data set's name, part of the folder's.
        sources: the files that ``decode`` reads.
        decode: reads them; what it raises is passed on, and nothing is kept.

    Returns:
        Arrays on private memory maps (writing to them changes neither the file nor another process), or in memory, with
        one logged warning, where the cache folder cannot be written.
    """
    folder = cache_folder() / f"{name}-{_fingerprint(name, sources)}"
    found = _read(folder)
    if found is not None:
        return found
    with ExitStack() as held:
        try:
            held.enter_context(exclusive(folder.with_suffix(".lock")))
        except OSError as error:
            return _uncached(decode(), error)
        found = _read(folder)  # another process may have decoded while this one waited
        if found is not None:
            return found
        decoded = decode()
        try:
            _publish(decoded, folder)
        except OSError as error:
            return _uncached(decoded, error)
    return _read(folder) or decoded


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds an advisory lock on the file ``path`` (created if need be); waits for other holders.

    The system drops the lock when its process dies, however it dies.

    Raises:
        OSError: the file cannot be created or locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _uncached(decoded: Decoded, error: OSError) -> Decoded:
    log.warning(
        "cannot write the cache of decoded images in %s (%s); decoding in memory. Set FREQUENCY_REG_CACHE to a folder "
        "that can be written",
        cache_folder(),
        error.strerror or error,
    )
    return decoded


def _fingerprint(name: str, sources: Sequence[Path]) -> str:
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    return hashlib.sha256(json.dumps([name, FORMAT_VERSION, stats]).encode()).hexdigest()[:16]


def _read(folder: Path) -> Decoded | None:
    """The cache's content, or None where it is missing or damaged."""
    try:
        content = json.loads((folder / "content.json").read_text())
        paths = {array: folder / f"{array}.npy" for array in ARRAYS}
        if any(path.stat().st_size != content["bytes"][array] for array, path in paths.items()):
            return None
        # Mode "c" (copy on write) gives torch writable memory without making the file writable.
        return Decoded({array: np.load(path, mmap_mode="c") for array, path in paths.items()}, content["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _publish(decoded: Decoded, folder: Path) -> None:
    """Writes the arrays beside ``folder`` and renames them into place; the caller holds the lock."""
    for left_behind in folder.parent.glob(f"{folder.name}.tmp-*"):  # of a process that died while it held the lock
        shutil.rmtree(left_behind, ignore_errors=True)
    temporary = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    temporary.mkdir()
    try:
        sizes = {}
        for array in ARRAYS:
            path = temporary / f"{array}.npy"
            with path.open("wb") as file:
                np.save(file, decoded.arrays[array], allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            sizes[array] = path.stat().st_size
        (temporary / "content.json").write_text(json.dumps({"digest": decoded.digest, "bytes": sizes}))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one; processes that mapped it keep their pages
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
