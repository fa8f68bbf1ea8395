from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torchvision
from numpy.typing import NDArray
from PIL import Image

from frequency_reg.dataset import cifar100
from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.cifar100 import Cifar100

TRAIN = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), dtype=np.uint8)
TEST = np.random.default_rng(1).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
TRAIN_LABELS, TEST_LABELS = np.array([0, 99, 26, 7, 50, 3, 98, 1]), np.array([26, 0, 99])


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar100, "N_TRAIN", len(TRAIN))
    monkeypatch.setattr(cifar100, "N_TEST", len(TEST))


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def parquet(folder: Path, names: tuple[str, ...] = Cifar100.class_names) -> Path:
    """The Hugging Face copy's columns; its coarse labels are all 5."""
    folder.mkdir(parents=True, exist_ok=True)
    features = {"info": {"features": {"fine_label": {"names": list(names)}}}}
    for split, images, labels in (("train", TRAIN, TRAIN_LABELS), ("test", TEST, TEST_LABELS)):
        encoded = pa.array([{"bytes": png(image), "path": None} for image in images])
        coarse = pa.array([5] * len(labels), pa.int64())
        table = pa.table({"img": encoded, "fine_label": pa.array(labels, pa.int64()), "coarse_label": coarse})
        path = folder / f"{split}-00000-of-00001.parquet"
        pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)
    return folder


@pytest.fixture
def pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with torchvision's folder, whose MD5s are made the published ones."""
    folder = tmp_path / "root" / "cifar-100-python"
    folder.mkdir(parents=True)
    for part, images, labels in (("train", TRAIN, TRAIN_LABELS), ("test", TEST, TEST_LABELS)):
        batch = {"data": images.reshape(len(images), -1), "fine_labels": labels.tolist(), "coarse_labels": [5]}
        content = pickle.dumps(batch)
        (folder / part).write_bytes(content)
        entries = [[part, hashlib.md5(content).hexdigest()]]
        monkeypatch.setattr(torchvision.datasets.CIFAR100, f"{part}_list", entries)
    return tmp_path / "root"


def dataset(root: Path) -> Cifar100:
    return Cifar100(
        root=str(root), download=False, validation_size=2, split_seed=0, crop_padding=4, horizontal_flip=True
    )


def test_a_hundred_class_names_in_the_order_of_their_labels() -> None:
    names = Cifar100.class_names
    assert len(set(names)) == 100
    assert list(names) == sorted(names)
    assert (names[0], names[26], names[99]) == ("apple", "crab", "worm")


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("folder", ["", "cifar100", "cifar100/cifar100"])
def test_fine_labels_of_the_parquet_files(tmp_path: Path, folder: str) -> None:
    parquet(tmp_path / folder)
    data = dataset(tmp_path).load()
    np.testing.assert_array_equal(data.test.images, TEST)
    np.testing.assert_array_equal(data.test.labels, TEST_LABELS)
    assert (len(data.train), len(data.validation)) == (6, 2)


@pytest.mark.usefixtures("cache")
def test_both_forms_hold_the_same(tmp_path: Path, pickles: Path) -> None:
    assert dataset(pickles).load().digest == dataset(parquet(tmp_path / "parquet")).load().digest


@pytest.mark.usefixtures("cache")
def test_the_copys_spelling_of_crab_is_accepted_and_no_other(tmp_path: Path) -> None:
    cra = tuple("cra" if name == "crab" else name for name in Cifar100.class_names)
    assert dataset(parquet(tmp_path / "copy", names=cra)).load().class_names[26] == "crab"
    with pytest.raises(DataError, match=r"its classes are worm, .* \(100\); expected CIFAR-100's apple, .*bottle, ..."):
        dataset(parquet(tmp_path / "other", names=Cifar100.class_names[::-1])).load()


@pytest.mark.usefixtures("cache")
def test_a_changed_pickle_is_never_opened(pickles: Path) -> None:
    class Stranger:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return pytest.fail, ("the pickle ran code",)

    (pickles / "cifar-100-python" / "train").write_bytes(pickle.dumps(Stranger()))
    with pytest.raises(DataError, match=r"cifar-100-python/train is damaged or not the original, and was not opened"):
        dataset(pickles).load()


def test_the_published_md5_are_those_of_torchvision(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).write_bytes(b"not it")
    found = hashlib.md5(b"not it").hexdigest()
    with pytest.raises(DataError, match=rf"MD5 {found}, expected 16019d7e3df5f24257cddd939b257f8d"):
        dataset(tmp_path).load()


def test_cifar10_in_its_place_is_recognised(tmp_path: Path) -> None:
    table = pa.table({"img": [{"bytes": b"", "path": ""}] * 8, "label": [0] * 8})
    pq.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(DataError, match=r"has the columns img, label; CIFAR-100 has img and fine_label; copy it again"):
        dataset(tmp_path).locate()


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no CIFAR-100 here, nor in .*cifar100 .*cifar-100-python.*uoft-cs/cifar100"):
        dataset(tmp_path).locate()
    (tmp_path / "cifar-100-python.tar.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match=r"cifar-100-python.tar.gz is not unpacked; tar -xzf"):
        dataset(tmp_path).locate()
    parquet(tmp_path)
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"is an HTML page, not a Parquet file of CIFAR-100"):
        dataset(tmp_path).locate()


@pytest.mark.real_data
@pytest.mark.usefixtures("cache")
def test_real_cifar100(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar100, "N_TRAIN", 50_000)
    monkeypatch.setattr(cifar100, "N_TEST", 10_000)
    wanted = dataset(real_data)
    try:
        wanted.locate()
    except DataError as error:
        pytest.skip(str(error))
    data = wanted.load()
    # Known of the 50,000 images: means .5071 .4865 .4409.
    assert data.mean == pytest.approx([0.5071, 0.4865, 0.4409], abs=1e-3)
    assert np.bincount(data.test.labels.numpy()).tolist() == [100] * 100
