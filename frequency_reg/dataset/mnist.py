"""MNIST, 28 x 28 grey, from its idx files."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Annotated

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
FOLDERS = ("MNIST/raw", "mnist/MNIST/raw", "mnist/raw", "mnist", "raw", ".")


class Mnist(Dataset):
    """Handwritten digits: 60,000 training and 10,000 test images (1, 28, 28).

    Source: LeCun, Cortes, Burges 1998, idx format. Read directly, plain or gzipped, from where torchvision's ``MNIST``
    keeps them (``root/MNIST/raw``), from ``root/mnist`` or from ``root`` itself.

    Args:
        root: folder with the files, or with the folder of the files; relative to the working directory.
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = tuple("0123456789")

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
            refuse_html(path, expected="an idx file of MNIST", mend=self._mend)

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`."""
        self.locate()
        return self.split(cached("mnist", list(self._files().values()), self._decode))

    def _decode(self) -> Decoded:
        arrays = {name: read_idx(path, FILES[name], mend=self._mend) for name, path in self._files().items()}
        train_images, train_labels, test_images, test_labels = (arrays[name] for name in FILES)
        return Decoded.of(
            train_images[:, None], train_labels.astype(np.int64), test_images[:, None], test_labels.astype(np.int64)
        )

    def _files(self) -> dict[str, Path]:
        """The path of every file of ``FILES``, plain or gzipped, all in one folder."""
        best: dict[str, Path] = {}
        for folder in FOLDERS:
            candidates = {name: [self.root / folder / f"{name}{ending}" for ending in ("", ".gz")] for name in FILES}
            found = {name: path for name, paths in candidates.items() for path in reversed(paths) if path.is_file()}
            if len(found) == len(FILES):
                return found
            best = max(best, found, key=len)
        if not best:
            raise DataError(f"dataset.root={self.root}: no MNIST here, nor in its MNIST/raw; {self._mend}")
        missing = ", ".join(sorted(FILES.keys() - best.keys()))
        folder_found = next(iter(best.values())).parent
        raise DataError(f"dataset.root={self.root}: {folder_found} lacks {missing} (plain or .gz); {self._mend}")

    @property
    def _mend(self) -> str:
        return (
            "to get it: python -c \"from torchvision.datasets import MNIST; MNIST('DATA', download=True)\", then "
            "dataset.root=DATA or FREQUENCY_REG_DATA=DATA"
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
