"""CIFAR-10-C and CIFAR-100-C: the published corrupted test images, read from their npy files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, MinLen
from numpy.typing import NDArray
from torch import Tensor

from frequency_reg.corruption.published import SEVERITIES, Published, StoredSet, check_same_test_set
from frequency_reg.dataset.base import DataError, ImageData, Split, refuse_html

N_TEST = 10_000
PIXELS = (32, 32, 3)
MAGIC = b"\x93NUMPY"


class Cifar10C(Published):
    """One file a corruption, uint8 (50000, 32, 32, 3): five severities of 10,000 images each, and ``labels.npy``.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; https://zenodo.org/records/2535967 (CIFAR-10-C) and
    https://zenodo.org/records/3555552 (CIFAR-100-C). The 15 corruptions of the benchmark are the default; its four
    extra ones are gaussian_blur, saturate, spatter and speckle_noise. Files are mapped into memory, never copied whole,
    and never unpickled. The images are 8-bit; ours are not rounded, so equal names do not make equal numbers.

    Args:
        root: the folder with the files, or that of ``folder``; relative to the working directory.
        folder: name of the folder that the archive unpacks to.
        classes: number of classes; labels are 0 to ``classes`` - 1.
        names: the corruptions to score; each is a file ``NAME.npy``.

    Raises:
        ValueError: no name, one that occurs twice, or one that is no plain file name.
    """

    def __init__(
        self,
        *,
        root: str,
        folder: str,
        classes: Annotated[int, Ge(2)],
        names: Annotated[list[str], MinLen(1)],
    ) -> None:
        super().__init__(names=names)
        self.root = Path(root).expanduser()
        self.folder = folder
        self.classes = classes

    def locate(self) -> None:
        """See :meth:`Published.locate`; looks at every file's header and size, and at the labels."""
        self._labels()
        for name in self.names:
            self._mapped(f"{name}.npy", (len(SEVERITIES) * N_TEST, *PIXELS), np.dtype(np.uint8))

    def sets(self, data: ImageData) -> Iterator[StoredSet]:
        """See :meth:`Published.sets`; the images of a set are one part, on the memory map."""
        labels = self._labels()
        for severity in SEVERITIES:
            check_same_test_set(str(self._found()), (PIXELS[2], *PIXELS[:2]), _block(labels, severity), data)
        for name in self.names:
            stored = self._mapped(f"{name}.npy", (len(SEVERITIES) * N_TEST, *PIXELS), np.dtype(np.uint8))
            images = torch.from_numpy(stored).permute(0, 3, 1, 2)
            for severity in SEVERITIES:
                part = Split(_block(images, severity), _block(labels, severity))
                yield StoredSet(name, severity, len(part), lambda part=part: iter((part,)))  # type: ignore[misc]

    def _labels(self) -> Tensor:
        """All labels, int64 (50000,); a file of 10,000 holds for every severity."""
        path = self._found() / "labels.npy"
        stored = self._mapped("labels.npy", None, None)
        if stored.shape not in ((N_TEST,), (len(SEVERITIES) * N_TEST,)) or stored.dtype.kind not in "iu":
            raise DataError(
                f"{path}: {stored.shape} {stored.dtype}, expected ({len(SEVERITIES) * N_TEST},) whole numbers; "
                f"{self._mend}"
            )
        low, high = int(stored.min()), int(stored.max())
        if low < 0 or high >= self.classes:
            raise DataError(f"{path}: labels {low} to {high}, expected 0 to {self.classes - 1}; {self._mend}")
        labels = torch.from_numpy(stored.astype(np.int64))
        return labels if len(labels) > N_TEST else labels.repeat(len(SEVERITIES))

    def _mapped(self, name: str, shape: tuple[int, ...] | None, dtype: np.dtype[Any] | None) -> NDArray[Any]:
        """The file's array on a private memory map.

        Raises:
            DataError: missing, an HTML page, no npy file, truncated, with Python objects, or of another form.
        """
        path = self._found() / name
        if not path.is_file():
            found = {file.stem for file in path.parent.glob("*.npy") if file.is_file()} - {"labels"}
            there = ", ".join(sorted(found))
            raise DataError(f"{path} is missing; there is {there or 'nothing'}. Unpack the whole archive; {self._mend}")
        refuse_html(path, expected="an npy file", mend=self._mend)
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start != MAGIC:  # a pickle or an npz archive would be opened otherwise than as an array
            raise DataError(
                f"{path} is no npy file and was not opened: it begins with {start!r}. Delete it; {self._mend}"
            )
        try:
            # Mode "c" (copy on write) gives torch writable memory without making the file writable.
            stored: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
        except Exception as error:  # a damaged header is parsed as Python's text: any of its errors may come
            size = path.stat().st_size
            raise DataError(f"{path} is damaged ({size} bytes): {error}. Delete it; {self._mend}") from error
        if shape is not None and (stored.shape != shape or stored.dtype != dtype):
            raise DataError(f"{path}: {stored.shape} {stored.dtype}, expected {shape} {dtype}; {self._mend}")
        return stored

    def _found(self) -> Path:
        folders = (self.root, self.root / self.folder)
        for folder in folders:
            if (folder / "labels.npy").is_file():
                return folder
        key = f"corruption.{self.folder.replace('-', '').lower()}.root"
        raise DataError(
            f"{key}={self.root}: no {self.folder} here (no labels.npy, nor in {folders[1]}); {self._mend}, and name "
            f"its folder in {key} or FREQUENCY_REG_DATA"
        )

    @property
    def _mend(self) -> str:
        return f"unpack {self.folder}.tar from https://zenodo.org again"


def _block(values: Tensor, severity: int) -> Tensor:
    """The part of ``values`` (50000, ...) that belongs to a severity: 1 is the first fifth."""
    return values[(severity - 1) * N_TEST : severity * N_TEST]
