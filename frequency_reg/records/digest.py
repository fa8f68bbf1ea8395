"""Whether two runs' records are equal."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from frequency_reg.records.files import RecordsError


def content_digest(path: str | Path) -> str:
    """SHA-256 over all values of a run's tables except the measured ones: equal runs have equal digests.

    Floats count by their bits. Row order counts.

    Raises:
        RecordsError: no table is there.
    """
    digest = hashlib.sha256()
    files = sorted(Path(path).glob("*.parquet"))
    if not files:
        raise RecordsError(f"{path}: no table here (no .parquet file). Give a run's folder, outputs/NAME/RUN.")
    for file in files:
        table = pq.ParquetFile(file).read()
        for entry in table.schema:
            if (entry.metadata or {}).get(b"measured") == b"true":
                continue
            digest.update(f"{file.stem}/{entry.name}:{entry.type}\n".encode())
            for value in table[entry.name].to_pylist():
                digest.update(_bits(value))
    return digest.hexdigest()


def _bits(value: Any) -> bytes:
    if isinstance(value, float):
        return math.copysign(1, value).hex().encode() + value.hex().encode() + b";"
    return repr(value).encode() + b";"
