"""ImageNet-C and others in its layout: stored JPEG images, read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from frequency_reg.corruption.published import SEVERITIES, Published, StoredSet, check_same_test_set
from frequency_reg.dataset.base import DataError, ImageData, Split, refuse_html

ENDINGS = (".jpeg", ".jpg", ".png")
GROUPS = ("", "noise", "blur", "weather", "digital", "extra")
"""Folders that the archives of ImageNet-C unpack to; a corruption's folder may stand in one of them."""

Files = list[tuple[Path, int]]


class ImagenetC(Published):
    """``CORRUPTION/SEVERITY/CLASS/*.JPEG``, the severities 1 to 5, the classes named as the data set names them.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; https://zenodo.org/records/2235448. A class's folder is
    its WordNet identifier: train with ``dataset=image_folder`` on folders that are named so. Images are read ``part``
    at a time and must have the size of the data set's (224 x 224 in ImageNet-C): nothing is resampled, since that would
    change their frequencies.

    Args:
        root: the folder with the corruptions' folders, or with noise/, blur/, weather/, digital/ and extra/.
        part: number of images that are read at a time.
        names: the corruptions to score; each is a folder.

    Raises:
        ValueError: no name, one that occurs twice, or one that is no plain folder name.
    """

    def __init__(self, *, root: str, part: Annotated[int, Ge(1)], names: Annotated[list[str], MinLen(1)]) -> None:
        super().__init__(names=names)
        self.root = Path(root).expanduser()
        self.part = part

    def locate(self) -> None:
        """See :meth:`Published.locate`: every corruption has its five severities; classes are not listed."""
        for name in self.names:
            for severity in SEVERITIES:
                self._folder(name, severity)

    def sets(self, data: ImageData) -> Iterator[StoredSet]:
        """See :meth:`Published.sets`."""
        numbers = {name: label for label, name in enumerate(data.class_names)}
        for name in self.names:
            for severity in SEVERITIES:
                folder = self._folder(name, severity)
                files = _files(folder, numbers)
                labels = torch.tensor([label for _, label in files], dtype=torch.int64)
                check_same_test_set(str(folder), _shape(files, folder), labels, data)
                yield StoredSet(name, severity, len(files), partial(self._parts, files, data.image_shape))

    def _parts(self, files: Files, shape: tuple[int, int, int]) -> Iterator[Split]:
        for start in range(0, len(files), self.part):
            chosen = files[start : start + self.part]
            images = np.stack([read_pixels(path, shape) for path, _ in chosen])
            yield Split(torch.from_numpy(images), torch.tensor([label for _, label in chosen], dtype=torch.int64))

    def _folder(self, name: str, severity: int) -> Path:
        for group in GROUPS:
            folder = self.root / group / name
            if folder.is_dir():
                break
        else:
            raise DataError(
                f"corruption.imagenetc.root={self.root}: no folder {name} here, nor in its "
                f"{', '.join(filter(None, GROUPS))}; unpack the archives of https://zenodo.org/records/2235448 and "
                "name their folder in corruption.imagenetc.root or FREQUENCY_REG_DATA"
            )
        if not (folder / str(severity)).is_dir():
            raise DataError(f"{folder} lacks the severity {severity}; expected the folders 1 to 5; unpack it again")
        return folder / str(severity)


def _files(folder: Path, numbers: dict[str, int]) -> Files:
    """Every image with its class's number, in the order of classes and names."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    unknown = [path.name for path in classes if path.name not in numbers]
    if unknown:
        known: Sequence[str] = list(numbers)[:3]
        raise DataError(
            f"{folder}: {len(unknown)} class folders are no classes of the data set ({', '.join(unknown[:3])}; its own "
            f"are {', '.join(known)}, ...); train on folders that are named the same"
        )
    return [
        (path, numbers[inner.name])
        for inner in classes
        for path in sorted(inner.iterdir())
        if path.suffix.lower() in ENDINGS
    ]


def _shape(files: Files, folder: Path) -> tuple[int, int, int]:
    """(C, H, W) of the first image, from its header."""
    from PIL import Image

    if not files:
        raise DataError(f"{folder} has no images; expected CLASS/*.JPEG; unpack it again")
    path = files[0][0]
    refuse_html(path, expected="an image", mend="unpack it again")
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as image:
            return 3, image.height, image.width
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; unpack it again") from error


def read_pixels(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Pixels (3, H, W) of one file.

    Raises:
        DataError: damaged, no JPEG or PNG, or of another size than ``shape``.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as image:
            if (image.height, image.width) != shape[1:]:  # from the header: nothing large is decoded
                raise DataError(f"{path}: {image.height} x {image.width} pixels, expected {shape[1]} x {shape[2]}")
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}; unpack it again") from error
