"""Street View House Numbers, 32 x 32 colour, from its MATLAB files."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, refuse_html
from frequency_reg.dataset.cache import cached

N_TRAIN = 73_257
N_TEST = 26_032
FOLDERS = (".", "svhn", "SVHN")
MAGIC = b"MATLAB 5.0 MAT-file"


class Svhn(Dataset):
    """Cropped house numbers: 73,257 training and 26,032 test images (3, 32, 32) of ten digits.

    Source: Netzer et al. 2011, "Reading Digits in Natural Images with Unsupervised Feature Learning", format 2 (cropped
    digits). ``train_32x32.mat`` and ``test_32x32.mat`` are MATLAB files of version 5 with X, uint8 (32, 32, 3, N), and
    y, (N, 1), in which 10 means the digit 0. They are looked for in ``root`` and in ``root/svhn``. The 531,131 easier
    images of ``extra_32x32.mat`` are not used. Classes are unequal: every fifth image is a 1.

    Args:
        root: folder with the two files; relative to the working directory.
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
        self.check_validation_size(N_TRAIN)

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: both files are there and begin as MATLAB files of version 5 do."""
        for path in self._files():
            refuse_html(path, expected="a MATLAB file of SVHN", mend=self._mend)
            with path.open("rb") as file:
                start = file.read(len(MAGIC))
            if start != MAGIC:
                raise DataError(
                    f"{path} is no MATLAB file of version 5: it begins with {start!r}, expected {MAGIC!r}. Delete it; "
                    f"{self._mend}"
                )

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`."""
        self.locate()
        return self.split(cached("svhn", self._files(), self._decode))

    def _files(self) -> list[Path]:
        names = ("train_32x32.mat", "test_32x32.mat")
        for folder in FOLDERS:
            paths = [self.root / folder / name for name in names]
            missing = [path.name for path in paths if not path.is_file()]
            if not missing:
                return paths
            if len(missing) < len(names):
                raise DataError(
                    f"dataset.root={self.root}: {self.root / folder} lacks {', '.join(missing)}; {self._mend}"
                )
        raise DataError(
            f"dataset.root={self.root}: no SVHN here, nor in its svhn (train_32x32.mat and test_32x32.mat); "
            f"{self._mend}"
        )

    def _decode(self) -> Decoded:
        train, test = self._files()
        return Decoded.of(*_read(train, N_TRAIN, mend=self._mend), *_read(test, N_TEST, mend=self._mend))

    @property
    def _mend(self) -> str:
        return (
            "to get it: python -c \"from torchvision.datasets import SVHN; [SVHN('DATA', s, download=True) for s in "
            "('train', 'test')]\", then dataset.root=DATA or FREQUENCY_REG_DATA=DATA"
        )


def _read(path: Path, count: int, *, mend: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 3, 32, 32) and labels 0..9 (N,) of one file.

    Raises:
        DataError: damaged, without X and y, of another shape or type, or with labels that are no digits.
    """
    from scipy.io import loadmat, matlab, whosmat  # slow to import, and needed for the first decoding only

    expected = {"X": (32, 32, 3, count), "y": (count, 1)}
    try:
        # Shapes stand in front of the values: nothing large is decoded before it is refused.
        shapes = {name: shape for name, shape, _ in whosmat(path)}
        if any(shapes.get(name) != shape for name, shape in expected.items()):
            found = ", ".join(f"{name} {shape}" for name, shape in sorted(shapes.items())) or "nothing"
            wanted = ", ".join(f"{name} {shape}" for name, shape in expected.items())
            raise DataError(f"{path} holds {found}; SVHN has {wanted}. Delete it; {mend}")
        content: dict[str, Any] = loadmat(path, variable_names=list(expected))
    except (matlab.MatReadError, OSError, EOFError, ValueError, TypeError, KeyError, zlib.error, MemoryError) as error:
        raise DataError(f"{path} is damaged: {error}. Delete it; {mend}") from error
    images, digits = content["X"], content["y"][:, 0]
    if images.dtype != np.uint8:
        raise DataError(f"{path}: X is {images.dtype}, expected uint8. Delete it; {mend}")
    if not np.isin(digits, np.arange(1, 11)).all():
        raise DataError(f"{path}: y must be 1 to 10 (10 means 0), found {digits.min()} to {digits.max()}; {mend}")
    return images.transpose(3, 2, 0, 1), digits.astype(np.int64) % 10
