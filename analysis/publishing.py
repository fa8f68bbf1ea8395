"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from analysis.load import AnalysisError


@contextmanager
def publishing(target: Path, called: str = "FILE") -> Iterator[BinaryIO]:
    """A file to write, renamed to ``target`` at the end of the block; an older one stays whole until then.

    The temporary file is made on entering, so that a folder that refuses it is told before any work is done.

    Args:
        called: what the file is called in the suggestion, where ``target`` is a folder.

    Raises:
        AnalysisError: ``target`` is a folder, its folder does not exist, or the file cannot be written.
    """
    if target.is_dir():
        raise AnalysisError(f"{target}: is a folder. Give a file: -o {called}.")
    if not target.parent.is_dir():
        raise AnalysisError(f"{target}: its folder does not exist. Make {target.parent}, or give another -o FILE.")
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise AnalysisError(
            f"{target}: could not be written ({error.strerror or error}). "
            "Mend the folder's permissions or free space, or give another -o FILE."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
