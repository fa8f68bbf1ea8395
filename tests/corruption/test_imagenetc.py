from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from frequency_reg.corruption import imagenetc
from frequency_reg.corruption.imagenetc import ImagenetC
from frequency_reg.dataset.base import DataError, ImageData, Split

CLASSES = ("n01440764", "n01443537", "n01484850")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two images of each of three classes; each is flat, of level 40 class + 8 severity + number."""
    for name in ("weather/fog", "snow"):
        for severity in range(1, 6):
            for label, inner in enumerate(CLASSES):
                folder = tmp_path / name / str(severity) / inner
                folder.mkdir(parents=True)
                for i in range(2):
                    pixels = np.full((6, 6, 3), 40 * label + 8 * severity + i, np.uint8)
                    Image.fromarray(pixels).save(folder / f"ILSVRC2012_val_{i}.JPEG", quality=100)
    return tmp_path


def published(root: Path, part: int = 4) -> ImagenetC:
    return ImagenetC(root=str(root), part=part, names=["fog", "snow"])


def trained_on(class_names: tuple[str, ...] = CLASSES, size: int = 6) -> ImageData:
    test = Split(torch.zeros(6, 3, size, size, dtype=torch.uint8), torch.tensor([0, 0, 1, 1, 2, 2]))
    return ImageData(test, test, test, class_names, (0.5,) * 3, (0.5,) * 3, "digest")


def test_parts_of_every_severity(root: Path) -> None:
    wanted = published(root)
    wanted.locate()
    found = list(wanted.sets(trained_on()))
    assert [(each.corruption, each.severity) for each in found] == [
        (c, s) for c in ("fog", "snow") for s in range(1, 6)
    ]
    for each in found:
        parts = list(each.parts())
        assert [len(part) for part in parts] == [4, 2]
        images, labels = (torch.cat([getattr(part, name) for part in parts]) for name in ("images", "labels"))
        assert labels.tolist() == [0, 0, 1, 1, 2, 2]
        levels = [40 * label + 8 * each.severity + i for label in range(3) for i in range(2)]
        assert (images[:, 0, 3, 3].int() - torch.tensor(levels)).abs().max() <= 1  # JPEG
        assert (images.shape, images.dtype, each.n) == ((6, 3, 6, 6), torch.uint8, 6)


def test_labels_are_those_of_the_data_sets_class_names(root: Path) -> None:
    (part, _) = next(published(root).sets(trained_on(CLASSES[::-1]))).parts()
    assert part.labels.tolist() == [2, 2, 1, 1]


def test_no_image_is_opened_before_it_is_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(imagenetc, "read_pixels", lambda path, _: opened.append(path) or np.zeros((3, 6, 6), np.uint8))
    sets = list(published(root).sets(trained_on()))
    assert opened == []
    next(sets[0].parts())
    assert len(opened) == 4


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda root: shutil.rmtree(root / "snow"),
            r"^corruption\.imagenetc\.root=.*: no folder snow here, nor in its noise",
        ),
        (lambda root: shutil.rmtree(root / "weather/fog/3"), r"weather/fog lacks the severity 3; expected the folders"),
    ],
)
def test_missing_folders_before_any_run(root: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(root)
    with pytest.raises(DataError, match=message):
        published(root).locate()


def test_other_classes_sizes_and_numbers_are_refused(root: Path) -> None:
    with pytest.raises(
        DataError, match=r"3 class folders are no classes of the data set \(n01440764, .*; its own are a"
    ):
        next(published(root).sets(trained_on(("a", "b", "c"))))
    with pytest.raises(DataError, match=r"images of shape \(3, 6, 6\), those of the data set have \(3, 8, 8\)"):
        next(published(root).sets(trained_on(size=8)))
    (root / "weather/fog/1/n01440764/ILSVRC2012_val_0.JPEG").unlink()
    with pytest.raises(DataError, match="5 images a severity in 3 classes, the test set has 6 in 3"):
        next(published(root).sets(trained_on()))


def test_a_damaged_or_smaller_image_is_named(root: Path) -> None:
    first, second = (root / f"weather/fog/1/n01440764/ILSVRC2012_val_{i}.JPEG" for i in (0, 1))
    Image.new("RGB", (5, 6)).save(second)
    parts = next(published(root).sets(trained_on())).parts
    with pytest.raises(DataError, match=rf"{second}: 6 x 5 pixels, expected 6 x 6"):
        next(parts())
    os.truncate(first, 400)
    with pytest.raises(DataError, match=rf"{first} is damaged"):
        next(parts())
    first.write_bytes(b"<!doctype html>")
    with pytest.raises(DataError, match="is an HTML page, not an image"):
        next(published(root).sets(trained_on()))
