from __future__ import annotations

import io
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from frequency_reg.dataset.base import DataError
from frequency_reg.dataset.image_folder import ImageFolder, read_image


@pytest.fixture(autouse=True)
def _cache(cache: Path) -> None:
    assert cache


def save(path: Path, pixels: NDArray[np.uint8], **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def flat(level: int, size: int = 4) -> NDArray[np.uint8]:
    return np.full((size, size, 3), level, np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Cats of grey level 10 i, dogs of level 100 + 10 i: three training, one validation, one test image a class."""
    folder = tmp_path / "pictures"
    for split, numbers in (("train", (0, 1, 2)), ("validation", (3,)), ("test", (4,))):
        for i in numbers:
            save(folder / split / "cat" / f"{i}.png", flat(10 * i))
            save(folder / split / "dog" / f"{i}.PNG", flat(100 + 10 * i))
    return folder


def dataset(
    root: Path, *, size: int = 4, channels: int = 3, validation_size: int | None = None, resampling: str = "box"
) -> ImageFolder:
    return ImageFolder(
        root=str(root),
        size=size,
        channels=channels,  # type: ignore[arg-type]
        resampling=resampling,  # type: ignore[arg-type]
        validation_size=validation_size,
        split_seed=0,
        crop_padding=0,
        horizontal_flip=True,
    )


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_folders_are_splits_and_classes(root: Path, validation: str) -> None:
    (root / "validation").rename(root / validation)
    data = dataset(root).load()
    assert data.class_names == ("cat", "dog")
    for split, levels in (
        (data.train, [0, 10, 20, 100, 110, 120]),
        (data.validation, [30, 130]),
        (data.test, [40, 140]),
    ):
        assert split.images[:, 1, 2, 3].tolist() == levels
        assert split.labels.tolist() == [int(level >= 100) for level in levels]
    assert data.image_shape == (3, 4, 4)


def test_a_validation_split_can_be_drawn(root: Path) -> None:
    pooled = dataset(root, validation_size=3).load()
    assert (len(pooled.train), len(pooled.validation), len(pooled.test)) == (5, 3, 2)
    shutil.rmtree(root / "validation")
    drawn = dataset(root, validation_size=2).load()
    assert (len(drawn.train), len(drawn.validation)) == (4, 2)
    with pytest.raises(DataError, match=r"no validation folder here; add .*, or take .* from the 6 training images"):
        dataset(root).locate()
    with pytest.raises(DataError, match=r"dataset.validation_size=6: choose 1 to 5"):
        dataset(root, validation_size=6).locate()


def test_an_image_of_the_right_size_is_left_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    path = save(tmp_path / "noise.png", pixels)
    for resampling in ("nearest", "lanczos"):
        np.testing.assert_array_equal(read_image(path, 8, 3, resampling)[0], pixels.transpose(2, 0, 1))


def test_middle_square_and_resampling_by_hand(tmp_path: Path) -> None:
    # 2 x 6 pixels: the middle square is columns 2 and 3; the box filter's mean of 10, 20, 30 and 40 is 25.
    row = np.array([[255, 255, 10, 20, 255, 255], [255, 255, 30, 40, 255, 255]], np.uint8)
    pixels, shorter = read_image(save(tmp_path / "wide.png", row), 1, 1, "box")
    assert pixels.tolist() == [[[25]]]
    assert shorter == 2


def test_grey_is_luma_and_colour_of_grey_is_itself(tmp_path: Path) -> None:
    red = save(tmp_path / "red.png", np.full((4, 4, 3), (255, 0, 0), np.uint8))
    assert read_image(red, 4, 1, "box")[0].tolist() == [[[76] * 4] * 4]  # .299 * 255 = 76.2
    grey = save(tmp_path / "grey.png", np.full((4, 4), 9, np.uint8))
    assert read_image(grey, 4, 3, "box")[0].tolist() == [[[9] * 4] * 4] * 3


def test_jpeg_and_its_orientation(tmp_path: Path) -> None:
    # Orientation 6: the camera was turned; the stored left column is the top row.
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "turned.jpg", pixels, quality=95, exif=exif)
    upright = read_image(path, 16, 1, "box")[0][0]
    assert upright[:7].min() > 240
    assert upright[9:].max() < 15


def test_enlarged_images_are_counted(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(root / "train" / "cat" / "large.png", flat(7, size=9))
    with caplog.at_level(logging.WARNING):
        dataset(root, size=8).load()
        dataset(root, size=8).load()  # from the cache
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "10 of 11 images are smaller than dataset.size=8 and were enlarged; they hold nothing in the bands above "
        "their own"
    ]


def test_the_cache_knows_size_channels_and_classes(root: Path) -> None:
    first = dataset(root).load()
    assert dataset(root, size=2).load().image_shape == (3, 2, 2)
    assert dataset(root, channels=1).load().image_shape == (1, 4, 4)
    for split in ("train", "validation", "test"):
        (root / split / "cat").rename(root / split / "zebra")  # no file's name, size or time changes
    renamed = dataset(root).load()
    assert renamed.class_names == ("dog", "zebra")
    assert renamed.test.images[:, 0, 0, 0].tolist() == [140, 40]
    assert renamed.digest != first.digest


def test_hidden_files_and_notes_are_left_out(root: Path) -> None:
    (root / "train" / ".ipynb_checkpoints").mkdir()
    (root / "train" / "cat" / "._0.png").write_bytes(b"not an image")
    (root / "train" / "cat" / "notes.txt").write_text("tabby")
    assert len(dataset(root).load().train) == 6


def remove(folder: str) -> Callable[[Path], object]:
    return lambda root: shutil.rmtree(root / folder)


def empty(folder: str) -> Callable[[Path], object]:
    return lambda root: [path.unlink() for path in (root / folder).iterdir()]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("train"), r"no train folder here; expected train/CLASS/\*.png"),
        (remove("test"), "no test folder here"),
        (remove("test/dog"), r"test and .*train must have the same class folders; test lacks dog"),
        (remove("train/dog"), r"test and .*train must have the same class folders; test has dog besides"),
        (remove("validation/cat"), "validation lacks cat"),
        (empty("train/cat"), r"train/cat has no .png, .jpg, .jpeg files; add images of this class, or delete"),
        (lambda root: (root / "val").mkdir(), "both val and validation are here; join them in one"),
        (lambda root: (root / "train/cat/a.webp").touch(), r"a.webp: only .png, .jpg, .jpeg files are read; convert"),
        (lambda root: [shutil.rmtree(f) for f in root.glob("*/dog")], "has 1 class folders; expected .* at least 2"),
    ],
)
def test_a_wrong_layout_is_one_message_before_any_run(
    root: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(root)
    with pytest.raises(DataError, match=message):
        dataset(root).locate()


def deep(path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(path)


def torn_jpeg(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue()[:2000])


def gif(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(flat(3)).save(buffer, "GIF")
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: os.truncate(path, path.stat().st_size // 2), r"is damaged or no PNG or JPEG image"),
        (torn_jpeg, r"is damaged or no PNG or JPEG image: image file is truncated"),
        (lambda path: path.write_bytes(b""), r"is damaged or no PNG or JPEG image"),
        (lambda path: path.write_bytes(b"<!doctype html>"), r"is an HTML page, not an image"),
        (deep, r"pixels of type I;16, expected 8 bits a channel; convert it"),
        (gif, r"is damaged or no PNG or JPEG image"),
    ],
)
def test_a_broken_image_is_named(root: Path, spoil: Callable[[Path], object], message: str) -> None:
    path = root / "test" / "cat" / "4.png"
    spoil(path)
    dataset(root).locate()
    with pytest.raises(DataError, match=rf"{path}.*{message}"):
        dataset(root).load()


def test_huge_images_are_refused_by_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frequency_reg.dataset.image_folder.MOST_PIXELS", 15)
    with pytest.raises(DataError, match="4 x 4 pixels, more than 15"):
        read_image(save(tmp_path / "large.png", flat(0)), 4, 3, "box")


@pytest.mark.real_data
def test_real_digits_as_files(real_data: Path, tmp_path: Path) -> None:
    """MNIST's first test images written as PNG come back pixel by pixel."""
    raw = (real_data / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()[16 : 16 + 20 * 784]
    images = np.frombuffer(raw, np.uint8).reshape(20, 28, 28)
    for i, image in enumerate(images):
        save(tmp_path / ("test" if i % 4 == 0 else "train") / f"class{i % 2}" / f"{i:02}.png", image)
    for i in (1, 5):
        save(tmp_path / "test" / "class1" / f"{i:02}.png", images[i])
    data = dataset(tmp_path, size=28, channels=1, validation_size=2).load()
    np.testing.assert_array_equal(data.test.images[:, 0], images[[0, 4, 8, 12, 16, 1, 5]])
