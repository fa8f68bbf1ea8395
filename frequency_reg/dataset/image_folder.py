"""The user's own images: one folder a class, PNG or JPEG, brought to one size."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, refuse_html
from frequency_reg.dataset.cache import cached

ENDINGS = (".png", ".jpg", ".jpeg")
OTHER_PICTURES = (".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".avif")
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
MOST_PIXELS = 100_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """The files of the splits and their classes.

    Attributes:
        class_names: names of the class folders, in the order of their code points.
        files: by split (train, validation, test): each file with its class's number. No validation: an empty list.
    """

    class_names: tuple[str, ...]
    files: dict[str, list[tuple[Path, int]]]


class ImageFolder(Dataset):
    """``root/train/CLASS/*.png``, ``root/test/CLASS/*.png`` and, if there is one, ``root/validation/CLASS/*.png``.

    Source: the user's images; the layout is the usual one of torchvision's ``ImageFolder``. PNG and JPEG files (.png,
    .jpg, .jpeg), directly in the folders of their classes; ``val`` may stand for ``validation``; names that begin with
    a dot are left out. Every split has the same classes, at least two, with at least one image each. Labels follow the
    sorted names.

    An image is turned upright (EXIF), made grey (luma, ITU-R 601) or RGB, without its transparency, cut to its middle
    square and resampled to ``size`` x ``size`` pixels; one that has this size already is left as it is.
    Enlarged images hold nothing in the bands that they gained: how many there are is logged.

    Args:
        root: the folder with ``train`` and ``test``; relative to the working directory.
        size: height and width in pixels.
        channels: 1 (grey) or 3 (RGB).
        resampling: Pillow's filter for the change of size, widened when it shrinks (antialias), but for ``nearest``.
        validation_size: None (null) keeps ``root/validation``; a number draws so many from the training images and
            those of ``root/validation``, if there is one, together.
        split_seed: see :class:`Dataset`; without meaning if ``validation_size`` is None.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.
    """

    def __init__(
        self,
        *,
        root: str,
        size: Annotated[int, Ge(2), Le(1024)],
        channels: Literal[1, 3],
        resampling: Literal["nearest", "box", "bilinear", "bicubic", "lanczos"],
        validation_size: Annotated[int, Ge(1)] | None,
        split_seed: Annotated[int, Ge(0)],
        crop_padding: Annotated[int, Ge(0)],
        horizontal_flip: bool,
    ) -> None:
        super().__init__(
            validation_size=validation_size,
            split_seed=split_seed,
            crop_padding=crop_padding,
            horizontal_flip=horizontal_flip,
        )
        self.root = Path(root).expanduser()
        self.size = size
        self.channels = channels
        self.resampling = resampling

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: splits and classes agree, and every class has images; none is opened."""
        self._listing()

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`; sets ``class_names``."""
        listing = self._listing()
        self.class_names = listing.class_names
        files = [path for split in listing.files.values() for path, _ in split]
        decoded = cached(f"image_folder-{self._key(files)}", files, lambda: self._decode(listing))
        return self.split(decoded, own_validation=len(listing.files["validation"]))

    def _key(self, files: Sequence[Path]) -> str:
        """Tells apart what the files' names, sizes and times do not: their classes, and how they are decoded."""
        places = [str(path.relative_to(self.root)) for path in files]
        text = json.dumps([self.size, self.channels, self.resampling, places])
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]

    def _listing(self) -> Listing:
        """Raises DataError where a split or a class is missing, empty, or has files that would be left out."""
        folders = {split: self.root / split for split in ("train", "validation", "test")}
        if (self.root / "val").is_dir():
            if folders["validation"].is_dir():
                raise DataError(f"dataset.root={self.root}: both val and validation are here; join them in one")
            folders["validation"] = self.root / "val"
        missing = [split for split in ("train", "test") if not folders[split].is_dir()]
        if missing:
            raise DataError(
                f"dataset.root={self.root}: no {' and no '.join(missing)} folder here; expected train/CLASS/*.png and "
                "test/CLASS/*.png (or .jpg); name the folder that holds them in dataset.root or FREQUENCY_REG_DATA"
            )
        found = {split: _classes(folder) if folder.is_dir() else {} for split, folder in folders.items()}
        names = sorted(found["train"])
        for split in ("test", "validation") if found["validation"] else ("test",):
            _check_same_classes(folders["train"], names, folders[split], sorted(found[split]))
        files = {
            split: [(p, names.index(name)) for name in sorted(by) for p in by[name]] for split, by in found.items()
        }
        self._check_numbers(folders["train"], names, files)
        return Listing(tuple(names), files)

    def _check_numbers(self, train: Path, names: list[str], files: dict[str, list[tuple[Path, int]]]) -> None:
        if len(names) < 2:
            raise DataError(f"{train} has {len(names)} class folders; expected one folder a class, at least 2")
        own, drawn_from = len(files["validation"]), len(files["train"]) + len(files["validation"])
        if self.validation_size is None and not own:
            raise DataError(
                f"dataset.root={self.root}: no validation folder here; add validation/CLASS/*.png, or take the "
                f"validation split from the {drawn_from} training images with dataset.validation_size=NUMBER"
            )
        try:
            self.check_validation_size(drawn_from)
        except ValueError as error:
            raise DataError(f"{error} of {self.root}") from error

    def _decode(self, listing: Listing) -> Decoded:
        """All images, those of the validation split at the end of the training images."""
        pool, test = listing.files["train"] + listing.files["validation"], listing.files["test"]
        (train_images, train_small), (test_images, test_small) = (self._read(files) for files in (pool, test))
        if train_small + test_small:
            log.warning(
                "%s: %d of %d images are smaller than dataset.size=%d and were enlarged; they hold nothing in the "
                "bands above their own",
                self.root,
                train_small + test_small,
                len(pool) + len(test),
                self.size,
            )
        train_labels, test_labels = (np.array([label for _, label in files], np.int64) for files in (pool, test))
        return Decoded.of(train_images, train_labels, test_images, test_labels)

    def _read(self, files: Sequence[tuple[Path, int]]) -> tuple[NDArray[np.uint8], int]:
        """Pixels (N, C, H, W), and how many of the images were enlarged."""
        pixels, enlarged = np.empty((len(files), self.channels, self.size, self.size), np.uint8), 0
        for row, (path, _) in enumerate(files):
            pixels[row], shorter = read_image(path, self.size, self.channels, self.resampling)
            enlarged += shorter < self.size
        return pixels, enlarged


def read_image(path: Path, size: int, channels: int, resampling: str) -> tuple[NDArray[np.uint8], int]:
    """Pixels (C, size, size) of one file, and the length of its shorter side before it was resampled.

    Raises:
        DataError: damaged, no PNG or JPEG, more than 8 bits a channel, or more than 100 million pixels.
    """
    from PIL import Image, ImageOps  # needed for the first decoding only

    mend = "replace or delete it"
    refuse_html(path, expected="an image", mend=mend)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on metadata and on size, which is limited below
            with Image.open(path, formats=["PNG", "JPEG"]) as image:
                if image.mode not in PLAIN_MODES:
                    raise DataError(f"{path}: pixels of type {image.mode}, expected 8 bits a channel; convert it")
                if image.width * image.height > MOST_PIXELS:  # read from the header: nothing is decoded yet
                    raise DataError(f"{path}: {image.width} x {image.height} pixels, more than {MOST_PIXELS}; {mend}")
                upright = ImageOps.exif_transpose(image).convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is damaged or no PNG or JPEG image: {error}; {mend}") from error
    shorter = min(upright.size)
    if upright.size != (size, size):
        upright = ImageOps.fit(upright, (size, size), method=Image.Resampling[resampling.upper()])
    pixels = np.asarray(upright, np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1), shorter


def _classes(folder: Path) -> dict[str, list[Path]]:
    """Class -> its images, sorted by name."""
    found = {}
    for inner in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        names = sorted(path for path in inner.iterdir() if not path.name.startswith("."))
        images = [path for path in names if path.suffix.lower() in ENDINGS]
        strange = [path for path in names if path.suffix.lower() in OTHER_PICTURES]
        if strange:
            raise DataError(f"{strange[0]}: only {', '.join(ENDINGS)} files are read; convert it to PNG, or delete it")
        if not images:
            raise DataError(
                f"{inner} has no {', '.join(ENDINGS)} files; add images of this class, or delete the folder"
            )
        found[inner.name] = images
    return found


def _check_same_classes(train: Path, expected: list[str], folder: Path, found: list[str]) -> None:
    if expected != found:
        only_train = ", ".join(sorted(set(expected) - set(found))[:9])
        only_here = ", ".join(sorted(set(found) - set(expected))[:9])
        parts = [f"lacks {only_train}" if only_train else "", f"has {only_here} besides" if only_here else ""]
        raise DataError(
            f"{folder} and {train} must have the same class folders; {folder.name} {' and '.join(filter(None, parts))}"
        )
