"""Files of the records: published whole or not at all, read whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


class RecordsError(Exception):
    """Records could not be written, or there are none to read. The message names the path and the way out."""


def write_table(path: Path, table: pa.Table, *, rows_per_group: int | None = None) -> None:
    """Publish ``table`` at ``path`` by :func:`write_file`, in row groups of at most ``rows_per_group`` rows.

    Raises:
        RecordsError: the file system refused (disk full, read-only, ...), naming the path.
    """
    _publish(path, lambda sink: pq.write_table(table, sink, compression="zstd", row_group_size=rows_per_group))


def write_file(path: Path, content: bytes) -> None:
    """Publish ``content`` at ``path``: temporary file in the same directory, fsync, rename, fsync of the directory.

    A reader sees the old file or the new one, never a part. On failure the old file is intact and no temporary is left.
    The directory is made if it is missing.

    Raises:
        RecordsError: the file system refused (disk full, read-only, ...), naming the path.
    """
    _publish(path, lambda sink: sink.write(content))


def _publish(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            write(sink)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        _fsync_directory(path.parent)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RecordsError(
            f"{path}: could not be written ({error.strerror or error}); what stood there is intact. "
            "Free space or mend the permissions, then repeat the command: it goes on from the last checkpoint."
        ) from error


def _fsync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_table(file: Path) -> pa.Table:
    """One Parquet file, whole, without its stamp.

    Raises:
        RecordsError: it cannot be read.
    """
    try:
        return pq.ParquetFile(file).read().replace_schema_metadata()
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(f"{file}: cannot be read ({error})") from error
