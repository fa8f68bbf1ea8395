from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from frequency_reg.dataset import idx as idx_files
from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.mnist import Mnist

SMALL = {
    "train-images-idx3-ubyte": (6, 28, 28),
    "train-labels-idx1-ubyte": (6,),
    "t10k-images-idx3-ubyte": (3, 28, 28),
    "t10k-labels-idx1-ubyte": (3,),
}


def idx(shape: tuple[int, ...], values: bytes | None = None) -> bytes:
    count = int(np.prod(shape))
    values = bytes(i % 10 for i in range(count)) if values is None else values
    return b"\x00\x00\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


@pytest.fixture
def small(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with an MNIST of six training and three test images."""
    assert cache
    monkeypatch.setattr(idx_files, "FILES", SMALL)
    raw = tmp_path / "root" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, shape in SMALL.items():
        (raw / name).write_bytes(idx(shape))
    return tmp_path / "root"


def dataset(root: Path, validation_size: int = 2) -> Mnist:
    return Mnist(root=str(root), validation_size=validation_size, split_seed=0, crop_padding=0, horizontal_flip=False)


def test_reads_torchvisions_folder(small: Path) -> None:
    data = dataset(small).load()
    assert (len(data.train), len(data.validation), len(data.test)) == (4, 2, 3)
    assert data.image_shape == (1, 28, 28)
    assert data.test.labels.tolist() == [0, 1, 2]
    # Pixels of the second test image: numbers 784 .. 1567 modulo 10, row by row.
    assert data.test.images[1, 0, 0, :3].tolist() == [4, 5, 6]
    assert data.test.images[1, 0, 1, 0].item() == (784 + 28) % 10


@pytest.mark.parametrize("folder", ["", "mnist", "mnist/MNIST/raw", "raw"])
def test_other_places_and_gzip(small: Path, folder: str) -> None:
    plain = dataset(small).load()
    raw, moved = small / "MNIST" / "raw", small.parent / "other" / folder
    moved.mkdir(parents=True)
    for name in SMALL:
        (moved / f"{name}.gz").write_bytes(gzip.compress((raw / name).read_bytes()))
    zipped = dataset(small.parent / "other").load()
    assert zipped.digest == plain.digest


def test_missing_folder_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"dataset.root=.*nowhere: no MNIST here, nor in its MNIST/raw; .*download=True"
    ):
        dataset(tmp_path / "nowhere").locate()


def test_missing_file_is_named(small: Path) -> None:
    (small / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"MNIST/raw lacks t10k-labels-idx1-ubyte \(plain or .gz\); to get it"):
        dataset(small).locate()


def test_html_page_is_recognised_before_any_run(small: Path) -> None:
    (small / "MNIST/raw/train-images-idx3-ubyte").write_bytes(b"<!DOCTYPE html><title>404</title>")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is an HTML page, not an idx file of MNIST"):
        dataset(small).locate()


def test_truncated_file_says_expected_and_found(small: Path) -> None:
    path = small / "MNIST/raw/t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=rf"{path} is damaged: {16 + 3 * 784 - 7} bytes, expected {16 + 3 * 784}"):
        dataset(small).load()


@pytest.mark.real_data
@pytest.mark.usefixtures("cache")
def test_real_mnist(real_data: Path) -> None:
    data = dataset(real_data, validation_size=5000).load()
    assert (len(data.train), len(data.validation), len(data.test)) == (55000, 5000, 10000)
    # Known of MNIST: mean .1307, deviation .3081, test labels beginning 7 2 1 0 4.
    assert data.mean == pytest.approx([0.1307], abs=5e-4)
    assert data.std == pytest.approx([0.3081], abs=5e-4)
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert torch.bincount(data.train.labels).min() > 4900
