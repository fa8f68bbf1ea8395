from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.idx import read_idx


def idx(shape: tuple[int, ...]) -> bytes:
    values = bytes(i % 10 for i in range(int(np.prod(shape))))
    return b"\x00\x00\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def test_values_stand_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx((2, 3, 2)))
    assert read_idx(tmp_path / "images", (2, 3, 2), mend="").tolist() == [
        [[0, 1], [2, 3], [4, 5]],
        [[6, 7], [8, 9], [0, 1]],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first bytes are missing, expected 00 00 08 01 00 00 00 03"),
        (idx((4,)), "first bytes are 00 00 08 01 00 00 00 04, expected 00 00 08 01 00 00 00 03"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x03abc", "first bytes are 00 00 0d 01"),
        (idx((3,)) + b"x", "12 bytes, expected 11"),
    ],
)
def test_bad_idx(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "labels", (3,), mend="fetch it")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "not gzip"])
def test_bad_gzip(tmp_path: Path, damage: str) -> None:
    content = bytearray(gzip.compress(idx((300,))))
    if damage == "flipped":
        content[-6] ^= 1  # in the checksum
    path = tmp_path / "labels.gz"
    path.write_bytes({"truncated": bytes(content[:-9]), "flipped": bytes(content), "not gzip": b"nonsense"}[damage])
    with pytest.raises(DataError, match=r"labels.gz is damaged: .*Delete it; fetch it"):
        read_idx(path, (300,), mend="fetch it")
