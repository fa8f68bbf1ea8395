from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from frequency_reg.corruption import cifar10c
from frequency_reg.corruption.cifar10c import Cifar10C
from frequency_reg.dataset.base import DataError, ImageData, Split

N = 4
LABELS = np.array([3, 0, 1, 2])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10c, "N_TEST", N)


def stored(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (5 * N, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A CIFAR-10-C of four images with fog and snow."""
    path = tmp_path / "CIFAR-10-C"
    path.mkdir()
    np.save(path / "labels.npy", np.tile(LABELS, 5).astype(np.uint8))
    np.save(path / "fog.npy", stored(0))
    np.save(path / "snow.npy", stored(1))
    return path


def published(root: Path, names: list[str] | None = None, classes: int = 4) -> Cifar10C:
    return Cifar10C(root=str(root), folder="CIFAR-10-C", classes=classes, names=names or ["fog", "snow"])


def trained_on(labels: list[int]) -> ImageData:
    test = Split(torch.zeros(len(labels), 3, 32, 32, dtype=torch.uint8), torch.tensor(labels))
    return ImageData(test, test, test, ("a", "b", "c", "d"), (0.5,) * 3, (0.5,) * 3, "digest")


OURS = trained_on([0, 1, 2, 3])
"""The same test images in another order."""


@pytest.mark.parametrize("inner", ["", "CIFAR-10-C"])
def test_severities_are_fifths_in_order(folder: Path, inner: str) -> None:
    wanted = published(folder if inner else folder.parent)
    wanted.locate()
    found = list(wanted.sets(OURS))
    assert [(each.corruption, each.severity) for each in found] == [
        (c, s) for c in ("fog", "snow") for s in range(1, 6)
    ]
    for each in found:
        (part,) = each.parts()
        source = stored(0 if each.corruption == "fog" else 1)
        for i in range(N):
            expected = source[(each.severity - 1) * N + i]
            np.testing.assert_array_equal(part.images[i].permute(1, 2, 0), expected)
        assert part.labels.tolist() == LABELS.tolist()
        assert each.n == len(part) == N
        assert (part.images.dtype, part.labels.dtype) == (torch.uint8, torch.int64)


def test_images_stay_on_the_memory_map_and_the_file_is_never_written(folder: Path) -> None:
    before = (folder / "fog.npy").read_bytes()
    (part,) = next(published(folder).sets(OURS)).parts()
    part.images.zero_()  # copy on write
    assert (folder / "fog.npy").read_bytes() == before
    assert part.images.is_contiguous(memory_format=torch.channels_last)  # as stored: not copied


def test_labels_of_one_severity_hold_for_all(folder: Path) -> None:
    np.save(folder / "labels.npy", LABELS)
    assert [part.labels.tolist() for each in published(folder).sets(OURS) for part in each.parts()] == [
        LABELS.tolist()
    ] * 10


def object_array(path: Path) -> None:
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)


NEGATIVE = "{'descr': '|u1', 'fortran_order': False, 'shape': (-20, 32, 32, 3)}"


def header(text: str) -> bytes:
    """A file of version 2 that begins with ``text`` for a header, and zeros behind it."""
    padded = text.encode().ljust(115) + b"\n"
    return b"\x93NUMPY\x02\x00" + len(padded).to_bytes(4, "little") + padded + bytes(61440)


def stranger(path: Path) -> None:
    class Stranger:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return pytest.fail, ("the pickle ran code",)

    path.write_bytes(pickle.dumps(Stranger()))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, r"fog.npy is missing; there is snow. Unpack the whole archive; unpack CIFAR-10-C.tar"),
        (lambda path: os.truncate(path, 5000), r"fog.npy is damaged \(5000 bytes\): .*Delete it; unpack"),
        (lambda path: os.truncate(path, 0), r"fog.npy is no npy file and was not opened: it begins with b''"),
        (lambda path: os.truncate(path, 60), r"fog.npy is damaged \(60 bytes\)"),
        (lambda path: path.write_bytes(b"<html>"), "fog.npy is an HTML page, not an npy file"),
        (stranger, r"fog.npy is no npy file and was not opened: it begins with .*Delete it; unpack"),
        (lambda path: path.write_bytes(header("{'shape': (((")), "fog.npy is damaged .*Delete it; unpack"),
        (lambda path: path.write_bytes(header(NEGATIVE)), "fog.npy is damaged .*must be positive. Delete it; unpack"),
        (object_array, r"fog.npy is damaged .*Python objects"),
        (lambda path: np.save(path, stored(0)[:-1]), r"fog.npy: \(19, 32, 32, 3\) uint8, expected \(20, 32, 32, 3\)"),
        (lambda path: np.save(path, stored(0) / 255), r"fog.npy: .* float64, expected .* uint8"),
        (lambda path: np.save(path, stored(0).transpose(0, 3, 1, 2)), r"fog.npy: \(20, 3, 32, 32\) uint8, expected"),
    ],
)
def test_a_bad_file_is_named_before_any_run(folder: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(folder / "fog.npy")
    with pytest.raises(DataError, match=message):
        published(folder).locate()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(20), "labels 0 to 19, expected 0 to 3"),
        (np.full(20, -1), "labels -1 to -1, expected 0 to 3"),
        (np.zeros(19, np.uint8), r"labels.npy: \(19,\) uint8, expected \(20,\) whole numbers"),
        (np.zeros(20), r"labels.npy: \(20,\) float64, expected \(20,\) whole numbers"),
    ],
)
def test_bad_labels(folder: Path, labels: NDArray[Any], message: str) -> None:
    np.save(folder / "labels.npy", labels)
    with pytest.raises(DataError, match=message):
        published(folder).locate()


def test_an_archive_in_place_of_an_array(folder: Path) -> None:
    np.savez(folder / "fog.npz", stored(0))
    (folder / "fog.npz").rename(folder / "fog.npy")
    with pytest.raises(DataError, match=r"fog.npy is no npy file and was not opened: it begins with b'PK"):
        published(folder).locate()


def test_only_the_test_set_that_was_corrupted(folder: Path) -> None:
    with pytest.raises(DataError, match="not as many of each class; choose the data set whose test images"):
        next(published(folder).sets(trained_on([0, 0, 1, 2])))


@pytest.mark.parametrize(("folder", "key"), [("CIFAR-10-C", "cifar10c"), ("CIFAR-100-C", "cifar100c")])
def test_a_folder_that_is_not_there_is_told_by_its_key(tmp_path: Path, folder: str, key: str) -> None:
    with pytest.raises(DataError, match=rf"^corruption\.{key}\.root={tmp_path}: no {folder} here .*name its folder"):
        Cifar10C(root=str(tmp_path), folder=folder, classes=10, names=["fog"]).locate()


@pytest.mark.real_data
def test_real_cifar10c(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10c, "N_TEST", 10_000)
    wanted = published(data_root, ["fog", "brightness"], classes=10)
    try:
        wanted.locate()
    except DataError as error:
        pytest.skip(str(error))
    data = ImageData(
        *[Split(torch.zeros(10_000, 3, 32, 32, dtype=torch.uint8), torch.arange(10_000) % 10)] * 3,
        class_names=tuple("0123456789"),
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        digest="",
    )
    assert [each.n for each in wanted.sets(data)] == [10_000] * 10
