"""CIFAR-10 test images for the parity tests of corruptions."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image


def cifar10_images(data_root: Path, n: int) -> np.ndarray:
    """The first n test images (n, 32, 32, 3), uint8."""
    files = sorted((data_root / "cifar10").glob("test-*.parquet"))
    if not files:
        pytest.skip(f"no {data_root}/cifar10/test-*.parquet")
    column = pq.read_table(files[0], columns=["img"]).column("img").slice(0, n).to_pylist()
    return np.stack([np.asarray(Image.open(io.BytesIO(image["bytes"])).convert("RGB")) for image in column])
