from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from frequency_reg.dataset import idx as idx_files
from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.fashion_mnist import FashionMnist
from frequency_reg.dataset.mnist import Mnist

CLOTHES = bytes((9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 1, 8))
DIGITS = bytes((5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5))


def idx(shape: tuple[int, ...], values: bytes) -> bytes:
    return b"\x00\x00\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def write(folder: Path, labels: bytes = CLOTHES) -> Path:
    """Twelve training and two test images; each is flat, of ten times its label."""
    folder.mkdir(parents=True)
    for name, part in (("train", labels), ("t10k", labels[:2])):
        images = b"".join(bytes([10 * label]) * 784 for label in part)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx((len(part), 28, 28), images))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx((len(part),), part))
    return folder


@pytest.fixture(autouse=True)
def _small(request: pytest.FixtureRequest, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache
    if request.node.get_closest_marker("real_data") is None:
        counts = {"train": 12, "t10k": 2}
        sizes = {name: (counts[name.split("-")[0]], *shape[1:]) for name, shape in idx_files.FILES.items()}
        monkeypatch.setattr(idx_files, "FILES", sizes)


def dataset(root: Path, validation_size: int = 2) -> FashionMnist:
    return FashionMnist(
        root=str(root), validation_size=validation_size, split_seed=0, crop_padding=0, horizontal_flip=True
    )


@pytest.mark.parametrize("folder", ["FashionMNIST/raw", "fashion_mnist", "fashion-mnist", ""])
def test_images_with_their_labels(tmp_path: Path, folder: str) -> None:
    write(tmp_path / "root" / folder)
    data = dataset(tmp_path / "root").load()
    assert (len(data.train), len(data.validation)) == (10, 2)
    assert data.test.labels.tolist() == [9, 0]
    for split in (data.train, data.validation, data.test):
        assert (split.images == 10 * split.labels[:, None, None, None]).all()
    assert data.class_names[9] == "Ankle boot"


def test_gzipped(tmp_path: Path) -> None:
    folder = write(tmp_path / "plain")
    (tmp_path / "zipped").mkdir()
    for path in folder.iterdir():
        (tmp_path / "zipped" / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert dataset(tmp_path / "zipped").load().digest == dataset(tmp_path / "plain").load().digest


def test_mnist_is_not_taken_for_it_nor_it_for_mnist(tmp_path: Path) -> None:
    digits, clothes = write(tmp_path / "digits", DIGITS), write(tmp_path / "clothes")
    with pytest.raises(DataError, match=r"these are the labels of MNIST, not of Fashion-MNIST; name another folder"):
        dataset(digits).load()
    mnist = Mnist(root=str(clothes), validation_size=2, split_seed=0, crop_padding=0, horizontal_flip=False)
    with pytest.raises(DataError, match=r"these are the labels of Fashion-MNIST, not of MNIST; name another folder"):
        mnist.load()


def test_labels_beyond_the_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: labels must be 0 to 9, found 10"):
        dataset(write(tmp_path / "root", bytes(range(12)[:10]) + bytes((10, 1)))).load()


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no Fashion-MNIST here, nor in its FashionMNIST/raw; .*FashionMNIST\('DATA'"):
        dataset(tmp_path).locate()
    raw = write(tmp_path / "FashionMNIST" / "raw")
    images = raw / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{images} is damaged: {16 + 2 * 784 - 1} bytes, expected {16 + 2 * 784}"):
        dataset(tmp_path).load()
    images.write_bytes(b"<!doctype html>")
    with pytest.raises(DataError, match="is an HTML page, not an idx file of Fashion-MNIST"):
        dataset(tmp_path).locate()
    images.unlink()
    with pytest.raises(DataError, match="FashionMNIST/raw lacks t10k-images-idx3-ubyte"):
        dataset(tmp_path).locate()


@pytest.mark.real_data
def test_real_mnist_is_refused(real_data: Path, tmp_path: Path) -> None:
    raw = real_data / "MNIST" / "raw"
    if not raw.is_dir():
        pytest.skip(f"no MNIST in {raw}")
    (tmp_path / "raw").mkdir()
    for path in raw.glob("*-ubyte"):
        shutil.copy(path, tmp_path / "raw")
    with pytest.raises(DataError, match="these are the labels of MNIST"):
        dataset(tmp_path, validation_size=5000).load()


@pytest.mark.real_data
def test_real_fashion_mnist(real_data: Path) -> None:
    wanted = dataset(real_data, validation_size=5000)
    try:
        wanted.locate()
    except DataError as error:
        pytest.skip(str(error))
    data = wanted.load()
    # Known of Fashion-MNIST: mean .2860, deviation .3530, a thousand test images a class.
    assert data.mean == pytest.approx([0.2860], abs=1e-3)
    assert data.std == pytest.approx([0.3530], abs=1e-3)
    assert np.bincount(data.test.labels.numpy()).tolist() == [1000] * 10
