"""The idx files of MNIST and of the data sets made to replace it: 28 x 28 grey, 60,000 and 10,000 images."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, refuse_html
from frequency_reg.dataset.cache import cached

FILES = {
    "train-images-idx3-ubyte": (60000, 28, 28),
    "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28),
    "t10k-labels-idx1-ubyte": (10000,),
}

FIRST_LABELS = {"MNIST": (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), "Fashion-MNIST": (9, 0, 0, 3, 0, 2, 7, 2, 5, 5)}
"""How the training labels begin. The data sets' files have equal names and sizes: only their content tells them."""


class IdxImages(Dataset):
    """60,000 training and 10,000 test images (1, 28, 28) from four idx files, plain or gzipped.

    Attributes:
        title: the data set's name, for messages.
        name: the name of its cache.
        torchvision: name of torchvision's class, which downloads it.
        folders: where the files are looked for, below ``root``.

    Args:
        root: folder with the files, or with the folder of the files; relative to the working directory.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    title: ClassVar[str]
    name: ClassVar[str]
    torchvision: ClassVar[str]
    folders: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        root: str,
        validation_size: Annotated[int, Ge(1)],
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
        self.check_validation_size(FILES["train-labels-idx1-ubyte"][0])

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: the four files are there, and none is an HTML page."""
        for path in self._files().values():
            refuse_html(path, expected=f"an idx file of {self.title}", mend=self._mend)

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`."""
        return self.split(self.decoded())

    def decoded(self) -> Decoded:
        """All images of both files, from the cache or decoded.

        Raises:
            DataError: a file is missing or damaged.
        """
        self.locate()
        return cached(self.name, list(self._files().values()), self._decode)

    def _decode(self) -> Decoded:
        files = self._files()
        arrays = {name: read_idx(path, FILES[name], mend=self._mend) for name, path in files.items()}
        train_images, train_labels, test_images, test_labels = (arrays[name] for name in FILES)
        self._check_labels(files["train-labels-idx1-ubyte"], train_labels)
        self._check_labels(files["t10k-labels-idx1-ubyte"], test_labels)
        return Decoded.of(
            train_images[:, None], train_labels.astype(np.int64), test_images[:, None], test_labels.astype(np.int64)
        )

    def _check_labels(self, path: Path, labels: NDArray[np.uint8]) -> None:
        if labels.max(initial=0) >= len(self.class_names):
            raise DataError(f"{path}: labels must be 0 to {len(self.class_names) - 1}, found {labels.max()}")
        for title, first in FIRST_LABELS.items():
            if title != self.title and tuple(labels[: len(first)]) == first:
                raise DataError(
                    f"{path}: these are the labels of {title}, not of {self.title}; name another folder in "
                    f"dataset.root, or {self._mend}"
                )

    def _files(self) -> dict[str, Path]:
        """The path of every file of ``FILES``, plain or gzipped, all in one folder."""
        best: dict[str, Path] = {}
        for folder in self.folders:
            candidates = {name: [self.root / folder / f"{name}{ending}" for ending in ("", ".gz")] for name in FILES}
            found = {name: path for name, paths in candidates.items() for path in reversed(paths) if path.is_file()}
            if len(found) == len(FILES):
                return found
            best = max(best, found, key=len)
        if not best:
            raise DataError(
                f"dataset.root={self.root}: no {self.title} here, nor in its {self.folders[0]}; {self._mend}"
            )
        missing = ", ".join(sorted(FILES.keys() - best.keys()))
        folder_found = next(iter(best.values())).parent
        raise DataError(f"dataset.root={self.root}: {folder_found} lacks {missing} (plain or .gz); {self._mend}")

    @property
    def _mend(self) -> str:
        return (
            f'to get it: python -c "from torchvision.datasets import {self.torchvision}; '
            f"{self.torchvision}('DATA', download=True)\", then dataset.root=DATA or FREQUENCY_REG_DATA=DATA"
        )


def read_idx(path: Path, shape: tuple[int, ...], *, mend: str) -> NDArray[np.uint8]:
    """The unsigned bytes of an idx file, plain or gzipped.

    The format: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each dimension as a big-endian
    32-bit integer, then the values.

    Args:
        path: the file; gzipped if it ends in ``.gz``.
        shape: the dimensions it must have.
        mend: how to get a sound file, for messages.

    Raises:
        DataError: another type or shape, a wrong size, or damaged compression.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}. Delete it; {mend}") from error
    header = bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
    if content[: len(header)] != header:
        raise DataError(
            f"{path} is no idx file of bytes of shape {shape}: its first bytes are "
            f"{content[: len(header)].hex(' ') or 'missing'}, expected {header.hex(' ')}. Delete it; {mend}"
        )
    expected = len(header) + int(np.prod(shape))
    if len(content) != expected:
        raise DataError(f"{path} is damaged: {len(content)} bytes, expected {expected}. Delete it; {mend}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
