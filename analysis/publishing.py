"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from analysis.load import AnalysisError


def publish(target: Path, content: bytes) -> None:
    """Write a file by renaming a finished temporary one; an older file stays whole until then, and its mode is kept.

    A link is followed. What is no regular file, such as ``/dev/stdout`` or a pipe, is written to as it is.

    Raises:
        AnalysisError: the target is a folder, its folder does not exist, or the file cannot be written.
    """
    _refuse_folders(target, "FILE")
    temporary: Path | None = None
    try:
        if _is_special(target):
            target.write_bytes(content)
            return
        place = target.resolve()
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o644
        descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(content)
        temporary.chmod(mode)
        temporary.replace(place)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_target(target: Path, called: str = "FILE") -> None:
    """Refuse, before long work is done for it, a file that cannot be published.

    Args:
        called: what the file is called in the suggestion, where ``target`` is a folder.

    Raises:
        AnalysisError: the target is a folder, its folder does not exist, or the folder takes no file.
    """
    _refuse_folders(target, called)
    if _is_special(target):
        return
    try:
        tempfile.TemporaryFile(dir=target.resolve().parent).close()
    except OSError as error:
        raise _refused(target, error) from error


def _is_special(target: Path) -> bool:
    """Whether the file is a device, a pipe or another process's, which no renaming may replace."""
    devices = str(target.absolute()).startswith(("/dev/", "/proc/"))
    return target.exists() and (devices or not stat.S_ISREG(target.stat().st_mode))


def _refuse_folders(target: Path, called: str) -> None:
    if target.is_dir():
        raise AnalysisError(f"{target}: is a folder. Give a file: -o {called}.")
    if not target.parent.is_dir():
        raise AnalysisError(f"{target}: its folder does not exist. Make {target.parent}, or give another -o FILE.")


def _refused(target: Path, error: OSError) -> AnalysisError:
    return AnalysisError(
        f"{target}: could not be written ({error.strerror or error}). "
        "Mend the folder's permissions or free space, or give another -o FILE."
    )
