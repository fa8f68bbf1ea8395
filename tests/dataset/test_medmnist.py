from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.medmnist import CLASSES, MedMnist

COUNTS = {"train": 8, "val": 3, "test": 4}


@pytest.fixture(autouse=True)
def _cache(cache: Path) -> None:
    assert cache


def arrays(shape: tuple[int, ...] = (28, 28), classes: int = 2) -> dict[str, NDArray[Any]]:
    """Random images; labels take turns."""
    rng, content = np.random.default_rng(0), {}
    for split, count in COUNTS.items():
        content[f"{split}_images"] = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        content[f"{split}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    return content


def write(root: Path, name: str = "pneumoniamnist", **changes: Any) -> Path:
    path = root / "medmnist" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {key: value for key, value in (arrays() | changes).items() if value is not None}
    np.savez_compressed(path, **content)
    return path


def dataset(root: Path, subset: str = "pneumoniamnist", validation_size: int | None = None) -> MedMnist:
    return MedMnist(
        root=str(root),
        subset=subset,
        validation_size=validation_size,
        split_seed=0,
        crop_padding=0,
        horizontal_flip=False,
    )


def test_the_files_own_splits(tmp_path: Path) -> None:
    write(tmp_path)
    expected, data = arrays(), dataset(tmp_path).load()
    for split, name in ((data.train, "train"), (data.validation, "val"), (data.test, "test")):
        np.testing.assert_array_equal(split.images[:, 0], expected[f"{name}_images"])
        assert split.labels.tolist() == expected[f"{name}_labels"][:, 0].tolist()
    assert data.image_shape == (1, 28, 28)
    assert data.class_names == ("normal", "pneumonia")
    assert data.mean == pytest.approx([expected["train_images"].mean() / 255])


def test_a_number_draws_from_training_and_validation_images(tmp_path: Path) -> None:
    write(tmp_path)
    own, drawn = dataset(tmp_path).load(), dataset(tmp_path, validation_size=5).load()
    assert (len(drawn.train), len(drawn.validation), len(drawn.test)) == (6, 5, 4)
    assert own.digest == drawn.digest
    pool = {image.numpy().tobytes() for split in (own.train, own.validation) for image in split.images}
    assert pool == {image.numpy().tobytes() for split in (drawn.train, drawn.validation) for image in split.images}
    with pytest.raises(DataError, match=r"validation_size=11: choose 1 to 10; it is taken from the 11 training images"):
        dataset(tmp_path, validation_size=11).load()


def test_colour_and_larger_images(tmp_path: Path) -> None:
    content = arrays((64, 64, 3), classes=4)
    write(tmp_path, "bloodmnist_64", **content)
    data = dataset(tmp_path, "bloodmnist_64").load()
    assert data.image_shape == (3, 64, 64)
    assert data.test.images[2, 1, 5, 7].item() == content["test_images"][2, 5, 7, 1]
    assert data.class_names == CLASSES["bloodmnist"]


def test_unknown_subsets_have_numbered_classes(tmp_path: Path) -> None:
    write(tmp_path, "minemnist", **arrays(classes=3))
    assert dataset(tmp_path, "minemnist").load().class_names == ("class 0", "class 1", "class 2")


def test_tables_of_classes() -> None:
    # Numbers of classes as in Table 1 of the paper.
    counts = {"pathmnist": 9, "dermamnist": 7, "octmnist": 4, "pneumoniamnist": 2, "retinamnist": 5, "breastmnist": 2}
    counts |= {"bloodmnist": 8, "tissuemnist": 8, "organamnist": 11, "organcmnist": 11, "organsmnist": 11}
    assert {name: len(set(classes)) for name, classes in CLASSES.items()} == counts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"val_labels": np.zeros((3, 14), np.uint8)},
            r"14 labels an image \(val_labels \(3, 14\)\); only subsets with",
        ),
        ({"train_images": np.zeros((8, 28, 28, 28), np.uint8)}, r"train_images \(8, 28, 28, 28\) are no flat images"),
        ({"test_images": np.zeros((4, 32, 32), np.uint8)}, r"test_images \(4, 32, 32\) uint8 .* do not fit; expected"),
        ({"test_images": np.zeros((4, 28, 28))}, r"test_images \(4, 28, 28\) float64 .* do not fit"),
        ({"test_labels": np.zeros((5, 1), np.uint8)}, r"test_labels \(5, 1\) uint8 do not fit"),
        ({"val_images": np.zeros((0, 28, 28), np.uint8), "val_labels": np.zeros((0, 1), np.uint8)}, "N at least 1"),
        ({"val_images": None, "test_labels": None}, r"lacks test_labels, val_images; it has test_images, train_images"),
        ({"test_labels": np.array([[0], [None]])}, "test_labels.npy holds Python objects, which are not opened"),
    ],
)
def test_other_forms_are_refused_before_any_run(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path, **changes)
    for call in (dataset(tmp_path).locate, dataset(tmp_path).load):
        with pytest.raises(DataError, match=rf"{path}.*{message}"):
            call()


def test_labels_that_are_no_classes(tmp_path: Path) -> None:
    write(tmp_path, test_labels=np.array([[0], [1], [2], [0]], np.uint8))
    with pytest.raises(DataError, match="labels must be 0 to 1, found 2"):
        dataset(tmp_path).load()
    write(tmp_path, "other", test_labels=np.array([[0], [-1], [2], [0]], np.int8))
    with pytest.raises(DataError, match="labels must be 0 or more, found -1"):
        dataset(tmp_path, "other").load()


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path)
    os.truncate(path, int(keep * path.stat().st_size))
    with pytest.raises(DataError, match=rf"{path} is damaged or no npz file: .*Delete it; copy pneumoniamnist.npz"):
        dataset(tmp_path).locate()


def test_a_flipped_bit_and_an_html_page(tmp_path: Path) -> None:
    path = write(tmp_path)
    content = bytearray(path.read_bytes())
    content[3000] ^= 16  # within the compressed training images
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path} is damaged"):
        dataset(tmp_path).load()
    path.write_bytes(b"<html>")
    with pytest.raises(DataError, match="is an HTML page, not an npz file of MedMNIST"):
        dataset(tmp_path).locate()


def test_a_header_that_declares_more_than_there_is(tmp_path: Path) -> None:
    path = write(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, archive.open("extra.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)})
    with pytest.raises(DataError, match=r"extra.npy has \d+ bytes, its header declares 10000000000\d+"):
        dataset(tmp_path).locate()


def test_other_files_are_offered(tmp_path: Path) -> None:
    write(tmp_path)
    message = r"no breastmnist.npz here, nor in its medmnist \(there is pneumoniamnist: choose with dataset.subset\)"
    with pytest.raises(DataError, match=message):
        dataset(tmp_path, "breastmnist").locate()


@pytest.mark.parametrize("subset", ["../secret", "a.npz", "", "a/b"])
def test_the_subset_is_a_plain_name(subset: str) -> None:
    with pytest.raises(ValueError, match=r"write the file's name without folder and \.npz"):
        dataset(Path(), subset)


def spy(calls: list[str]) -> Callable[..., Any]:
    def decode(*_: object) -> Any:
        calls.append("decoded")
        raise AssertionError

    return decode


def test_both_kinds_of_validation_share_one_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    first = dataset(tmp_path).load()
    monkeypatch.setattr(MedMnist, "_decode", spy([]))
    assert dataset(tmp_path, validation_size=2).load().digest == first.digest


@pytest.mark.real_data
def test_real_pneumoniamnist(real_data: Path) -> None:
    wanted = dataset(real_data)
    try:
        wanted.locate()
    except DataError as error:
        pytest.skip(str(error))
    data = wanted.load()
    # The paper's test split: 234 normal, 390 pneumonia; its validation split: 135 and 389.
    assert np.bincount(data.test.labels.numpy()).tolist() == [234, 390]
    assert np.bincount(data.validation.labels.numpy()).tolist() == [135, 389]
    assert data.image_shape == (1, 28, 28)
