from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torchvision
from numpy.typing import NDArray
from PIL import Image

from frequency_reg.dataset import cifar10
from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.cifar10 import Cifar10

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture(autouse=True)
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CIFAR-10 of twelve training and four test images, but for tests on the real one."""
    if request.node.get_closest_marker("real_data") is None:
        monkeypatch.setattr(cifar10, "N_TRAIN", 12)
        monkeypatch.setattr(cifar10, "N_TEST", 4)


def pixels(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


TRAIN, TEST = pixels(12, 0), pixels(4, 1)
TRAIN_LABELS, TEST_LABELS = np.arange(12) % 10, np.arange(4)


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path: Path, encoded: list[bytes], labels: NDArray[Any], names: list[str] | None = None) -> None:
    images = pa.array([{"bytes": content, "path": f"{i}.png"} for i, content in enumerate(encoded)])
    table = pa.table({"img": images, "label": pa.array(labels, pa.int64())})
    features = {"info": {"features": {"label": {"names": names or NAMES}}}}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)


def parquet_folder(folder: Path) -> Path:
    encoded = [png(image) for image in TRAIN]
    write_parquet(folder / "train-00000-of-00002.parquet", encoded[:7], TRAIN_LABELS[:7])
    write_parquet(folder / "train-00001-of-00002.parquet", encoded[7:], TRAIN_LABELS[7:])
    write_parquet(folder / "test-00000-of-00001.parquet", [png(image) for image in TEST], TEST_LABELS)
    return folder


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a torchvision folder, whose MD5s are made the published ones."""
    folder = tmp_path / "root" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    parts = [("train_list", f"data_batch_{i + 1}", TRAIN[6 * i : 6 * i + 6], TRAIN_LABELS[6 * i :][:6]) for i in (0, 1)]
    for part, name, images, labels in [*parts, ("test_list", "test_batch", TEST, TEST_LABELS)]:
        content = pickle.dumps({"data": images.reshape(len(images), -1), "labels": labels.tolist()})
        (folder / name).write_bytes(content)
        lists[part].append([name, hashlib.md5(content).hexdigest()])
    for part, entries in lists.items():
        monkeypatch.setattr(torchvision.datasets.CIFAR10, part, entries)
    return tmp_path / "root"


def dataset(root: Path, *, download: bool = False, validation_size: int = 2) -> Cifar10:
    return Cifar10(
        root=str(root),
        download=download,
        validation_size=validation_size,
        split_seed=0,
        crop_padding=4,
        horizontal_flip=True,
    )


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("folder", ["", "cifar10", "plain_text", "cifar10/plain_text"])
def test_parquet_folder(tmp_path: Path, folder: str) -> None:
    parquet_folder(tmp_path / "root" / folder)
    data = dataset(tmp_path / "root").load()
    np.testing.assert_array_equal(data.test.images, TEST)
    np.testing.assert_array_equal(data.test.labels, TEST_LABELS)
    assert (len(data.train), len(data.validation)) == (10, 2)
    # All twelve training images are there, each with its label.
    both = [*zip(data.train.images, data.train.labels, strict=True)]
    both += zip(data.validation.images, data.validation.labels, strict=True)
    ours = {(image.numpy().tobytes(), int(label)) for image, label in both}
    assert ours == {(image.tobytes(), int(label)) for image, label in zip(TRAIN, TRAIN_LABELS, strict=True)}
    assert data.class_names == tuple(NAMES)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("inner", ["", "cifar10"])
def test_torchvisions_folder_gives_the_same_images(tmp_path: Path, batches: Path, inner: str) -> None:
    if inner:
        (batches / inner).mkdir()
        (batches / "cifar-10-batches-py").rename(batches / inner / "cifar-10-batches-py")
    parquet = dataset(parquet_folder(tmp_path / "parquet")).load()
    assert dataset(batches).load().digest == parquet.digest


@pytest.mark.usefixtures("cache")
def test_a_changed_pickle_is_never_opened(batches: Path) -> None:
    class Stranger:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
            return pytest.fail, ("the pickle ran code",)

    path = batches / "cifar-10-batches-py" / "data_batch_2"
    expected = hashlib.md5(path.read_bytes()).hexdigest()
    path.write_bytes(pickle.dumps(Stranger()))
    found = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=rf"{path} is damaged .* was not opened: MD5 {found}, expected {expected}"):
        dataset(batches).load()


def test_a_missing_batch_is_named(batches: Path) -> None:
    (batches / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(
        DataError,
        match=r"cifar-10-batches-py/test_batch is missing. Delete .*batches-py; fetch it with dataset.download",
    ):
        dataset(batches).locate()


def test_nothing_there(tmp_path: Path) -> None:
    for call in (dataset(tmp_path).locate, dataset(tmp_path).load):
        with pytest.raises(DataError, match=r"dataset.root=.*: no CIFAR-10 here, nor in .*cifar10.*FREQUENCY_REG_DATA"):
            call()


def test_an_archive_is_to_be_unpacked_or_is_an_html_page(tmp_path: Path) -> None:
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"\x1f\x8b")
    with pytest.raises(DataError, match=rf"is not unpacked; tar -xzf {archive} -C {tmp_path}"):
        dataset(tmp_path).locate()
    archive.write_bytes(b"<html><body>Please log in")
    with pytest.raises(DataError, match=r"cifar-10-python.tar.gz is an HTML page, not the CIFAR-10 archive"):
        dataset(tmp_path).locate()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!doctype html><p>503", r"train-.*parquet is an HTML page, not a Parquet file of CIFAR-10"),
        (b"PAR1 torn", r"train-.*parquet is damaged: .*Delete it; copy it again from https://huggingface.co"),
    ],
)
def test_a_torn_parquet_file_is_found_before_any_run(tmp_path: Path, content: bytes, message: str) -> None:
    (parquet_folder(tmp_path) / "train-00001-of-00002.parquet").write_bytes(content)
    with pytest.raises(DataError, match=message):
        dataset(tmp_path).locate()


def test_missing_rows_are_counted(tmp_path: Path) -> None:
    (parquet_folder(tmp_path) / "train-00001-of-00002.parquet").unlink()
    with pytest.raises(DataError, match=r"train-\*.parquet: 7 rows in 1 files, expected 12; copy the missing files"):
        dataset(tmp_path).locate()
    (tmp_path / "test-00000-of-00001.parquet").unlink()
    parquet_folder(tmp_path)
    (tmp_path / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(DataError, match=r"test-\*.parquet: 0 rows in 0 files, expected 4"):
        dataset(tmp_path).locate()


def test_other_columns_are_listed(tmp_path: Path) -> None:
    path = parquet_folder(tmp_path) / "test-00000-of-00001.parquet"
    pq.write_table(pa.table({"image": [1, 2, 3, 4], "label": [0, 0, 0, 0]}), path)
    with pytest.raises(DataError, match=r"has the columns image, label; CIFAR-10 has img and label"):
        dataset(tmp_path).locate()


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (flipped, r"row 2: the image is damaged \("),
        (lambda content: content[:-30], r"row 2: the image is damaged \("),
        (lambda _: b"", r"row 2: the image is damaged \("),
        (lambda _: png(np.zeros((3, 16, 32), np.uint8)), r"row 2: an image of size \(32, 16\) and mode RGB, expected"),
    ],
)
def test_a_damaged_image_is_named_by_its_row(tmp_path: Path, spoil: Callable[[bytes], bytes], message: str) -> None:
    encoded = [png(image) for image in TEST]
    encoded[2] = spoil(encoded[2])
    path = parquet_folder(tmp_path) / "test-00000-of-00001.parquet"
    write_parquet(path, encoded, TEST_LABELS)
    dataset(tmp_path).locate()
    with pytest.raises(DataError, match=rf"{path}, {message}.*Delete the file; copy it again"):
        dataset(tmp_path).load()


@pytest.mark.usefixtures("cache")
def test_labels_must_mean_what_we_say(tmp_path: Path) -> None:
    path = parquet_folder(tmp_path) / "test-00000-of-00001.parquet"
    encoded = [png(image) for image in TEST]
    write_parquet(path, encoded, np.array([0, 1, 2, 10]))
    with pytest.raises(DataError, match="labels must be whole numbers 0 to 9"):
        dataset(tmp_path).load()
    write_parquet(path, encoded, TEST_LABELS, names=NAMES[::-1])
    with pytest.raises(DataError, match="its classes are truck, ship"):
        dataset(tmp_path).load()


@pytest.mark.usefixtures("cache")
def test_download_fetches_what_is_missing(tmp_path: Path, batches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fetched(torchvision.datasets.CIFAR10):  # type: ignore[misc]
        def __init__(self, root: str, download: bool) -> None:
            assert download
            (batches / "cifar-10-batches-py").rename(Path(root) / "cifar-10-batches-py")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Fetched)
    wanted = dataset(tmp_path / "fetched", download=True)
    wanted.locate()  # nothing there yet, and that is right
    np.testing.assert_array_equal(wanted.load().test.images, TEST)
    np.testing.assert_array_equal(wanted.load().test.images, TEST)  # not fetched twice


@pytest.mark.parametrize("error", [URLError("no route to host"), RuntimeError("File not found or corrupted.")])
def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    with pytest.raises(DataError, match=r"could not fetch CIFAR-10 into dataset.root=.*Without a connection.*uoft-cs"):
        dataset(tmp_path, download=True).load()


@pytest.mark.real_data
@pytest.mark.usefixtures("cache")
def test_real_cifar10(real_data: Path) -> None:
    data = dataset(real_data, validation_size=5000).load()
    assert (len(data.train), len(data.validation), len(data.test)) == (45000, 5000, 10000)
    assert data.image_shape == (3, 32, 32)
    # Known of the 50,000 images: means .49140 .48216 .44653, deviations .24703 .24349 .26159.
    assert data.mean == pytest.approx([0.49140, 0.48216, 0.44653], abs=1e-3)
    assert data.std == pytest.approx([0.24703, 0.24349, 0.26159], abs=1e-3)
    assert np.bincount(data.test.labels.numpy()).tolist() == [1000] * 10
    again = dataset(real_data, validation_size=5000).load()  # from the cache
    assert again.digest == data.digest
    assert (again.test.images == data.test.images).all()
