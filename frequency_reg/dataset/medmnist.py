"""MedMNIST: medical images in npz files, with training, validation and test splits of their own."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from frequency_reg.dataset.base import DataError, Dataset, Decoded, ImageData, refuse_html
from frequency_reg.dataset.cache import cached

FOLDERS = ("medmnist", "MedMNIST", ".")
SPLITS = ("train", "val", "test")
PARTS = ("images", "labels")
_ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)
CLASSES: Mapping[str, tuple[str, ...]] = {
    "pathmnist": (
        "adipose",
        "background",
        "debris",
        "lymphocytes",
        "mucus",
        "smooth muscle",
        "normal colon mucosa",
        "cancer-associated stroma",
        "colorectal adenocarcinoma epithelium",
    ),
    "dermamnist": (
        "actinic keratoses and intraepithelial carcinoma",
        "basal cell carcinoma",
        "benign keratosis-like lesions",
        "dermatofibroma",
        "melanoma",
        "melanocytic nevi",
        "vascular lesions",
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
    "breastmnist": ("malignant", "normal or benign"),
    "bloodmnist": (
        "basophil",
        "eosinophil",
        "erythroblast",
        "immature granulocytes",
        "lymphocyte",
        "monocyte",
        "neutrophil",
        "platelet",
    ),
    "tissuemnist": (
        "collecting duct, connecting tubule",
        "distal convoluted tubule",
        "glomerular endothelial cells",
        "interstitial endothelial cells",
        "leukocytes",
        "podocytes",
        "proximal tubule segments",
        "thick ascending limb",
    ),
    "organamnist": _ORGANS,
    "organcmnist": _ORGANS,
    "organsmnist": _ORGANS,
}
"""Classes of the two-dimensional subsets with one label an image, as the package of version 3 describes them."""


@dataclass(frozen=True)
class Header:
    """Shape and type of one array in an npz file, read without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class MedMnist(Dataset):
    """One subset of MedMNIST: grey or colour images of any size, one class an image, from one npz file.

    Source: Yang et al. 2023, "MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image
    classification", Scientific Data 10:41. The file holds ``train_images``, ``train_labels``, ``val_*`` and ``test_*``:
    uint8 (N, H, W) or (N, H, W, 3), labels (N, 1). It is looked for in ``root/medmnist`` and in ``root``; any file in
    this layout will do. Multi-label subsets (chestmnist) and volumes (the 3D ones) are refused. The grades of
    retinamnist are taken for classes, without their order.

    Args:
        root: folder with the file; relative to the working directory.
        subset: name of the file without ``.npz``: ``pneumoniamnist`` has 28 x 28 pixels, ``pneumoniamnist_64`` 64 x 64.
        validation_size: None (null) keeps the file's validation split; a number draws so many from its training and
            validation images together.
        split_seed: see :class:`Dataset`; without meaning if ``validation_size`` is None.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`; left and right differ in most medical images.

    Raises:
        ValueError: ``subset`` is no plain name.
    """

    def __init__(
        self,
        *,
        root: str,
        subset: str,
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
        if not re.fullmatch(r"[A-Za-z0-9_-]+", subset):
            raise ValueError(
                f"dataset.subset={subset}: write the file's name without folder and .npz, such as pneumoniamnist or "
                "pneumoniamnist_64; its folder belongs in dataset.root"
            )
        self.root = Path(root).expanduser()
        self.subset = subset

    def locate(self) -> None:
        """See :meth:`Dataset.locate`: the file is there, and the headers of its six arrays fit each other."""
        self._headers(self._file())

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`; sets ``class_names``."""
        path = self._file()
        headers = self._headers(path)
        decoded = cached(f"medmnist-{self.subset}", [path], lambda: self._decode(path))
        largest = max(int(decoded.arrays[name].max()) for name in ("train_labels", "test_labels"))
        known = CLASSES.get(self._family)
        if known is not None and largest >= len(known):
            raise DataError(f"{path}: labels must be 0 to {len(known) - 1}, found {largest}. Delete it; {self._mend}")
        self.class_names = known or tuple(f"class {label}" for label in range(largest + 1))
        try:
            return self.split(decoded, own_validation=headers["val_labels"].shape[0])
        except ValueError as error:
            raise DataError(f"{error} and validation images of {path}") from error

    @property
    def _family(self) -> str:
        """The subset's name without the size of its images."""
        return re.sub(r"_\d+$", "", self.subset).lower()

    @property
    def _mend(self) -> str:
        return (
            f"copy {self.subset}.npz from https://zenodo.org/records/10519652 into a folder and name it in "
            "dataset.root or FREQUENCY_REG_DATA"
        )

    def _file(self) -> Path:
        for folder in FOLDERS:
            path = self.root / folder / f"{self.subset}.npz"
            if path.is_file():
                return path
        others = sorted({path.stem for folder in FOLDERS for path in (self.root / folder).glob("*.npz")})
        there = f" (there is {', '.join(others[:9])}: choose with dataset.subset)" if others else ""
        raise DataError(
            f"dataset.root={self.root}: no {self.subset}.npz here, nor in its medmnist{there}; {self._mend}"
        )

    def _headers(self, path: Path) -> dict[str, Header]:
        """Headers of the six arrays, checked.

        Raises:
            DataError: no npz file, damaged, an array missing, or of a form that cannot be used.
        """
        refuse_html(path, expected="an npz file of MedMNIST", mend=self._mend)
        try:
            with zipfile.ZipFile(path) as archive:
                headers = {name.removesuffix(".npy"): _header(archive, name) for name in archive.namelist()}
        except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
            raise DataError(f"{path} is damaged or no npz file: {error}. Delete it; {self._mend}") from error
        missing = {f"{split}_{part}" for split in SPLITS for part in PARTS} - headers.keys()
        if missing:
            raise DataError(
                f"{path} lacks {', '.join(sorted(missing))}; it has {', '.join(sorted(headers)) or 'nothing'}. "
                f"Delete it; {self._mend}"
            )
        for split in SPLITS:
            self._check_form(path, split, headers)
        return headers

    def _check_form(self, path: Path, split: str, headers: Mapping[str, Header]) -> None:
        images, labels = headers[f"{split}_images"], headers[f"{split}_labels"]
        first = headers["train_images"]
        if len(labels.shape) == 2 and labels.shape[1] > 1:
            raise DataError(
                f"{path}: {labels.shape[1]} labels an image ({split}_labels {labels.shape}); only subsets with one "
                f"label an image can be classified here: {', '.join(CLASSES)}"
            )
        if len(images.shape) not in (3, 4) or (len(images.shape) == 4 and images.shape[3] != 3):
            raise DataError(
                f"{path}: {split}_images {images.shape} are no flat images; expected (N, H, W) or (N, H, W, 3), as in "
                f"{', '.join(CLASSES)}"
            )
        sound = (
            images.dtype == np.uint8
            and images.shape[1:] == first.shape[1:]
            and labels.dtype.kind in "iu"
            and labels.shape in ((images.shape[0],), (images.shape[0], 1))
            and 0 not in images.shape
        )
        if not sound:
            raise DataError(
                f"{path}: {split}_images {images.shape} {images.dtype} and {split}_labels {labels.shape} "
                f"{labels.dtype} do not fit; expected uint8 images (N, H, W) or (N, H, W, 3) of one size in all splits "
                f"and N whole labels, N at least 1. Delete it; {self._mend}"
            )

    def _decode(self, path: Path) -> Decoded:
        """All images, those of the validation split at the end of the training images."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {f"{split}_{part}": archive[f"{split}_{part}"] for split in SPLITS for part in PARTS}
        except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
            raise DataError(f"{path} is damaged: {error}. Delete it; {self._mend}") from error
        images = {split: _channels_first(arrays[f"{split}_images"]) for split in SPLITS}
        labels = {split: arrays[f"{split}_labels"].reshape(-1).astype(np.int64) for split in SPLITS}
        smallest = min(int(values.min()) for values in labels.values())
        if smallest < 0:
            raise DataError(f"{path}: labels must be 0 or more, found {smallest}. Delete it; {self._mend}")
        joined = np.concatenate((images["train"], images["val"])), np.concatenate((labels["train"], labels["val"]))
        return Decoded.of(*joined, images["test"], labels["test"])


def _header(archive: zipfile.ZipFile, name: str) -> Header:
    """Raises ValueError for Python objects, which would be a pickle, and for a size that is not the declared one."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds Python objects, which are not opened")
        declared = file.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize
    size = archive.getinfo(name).file_size
    if declared != size:
        raise ValueError(f"{name} has {size} bytes, its header declares {declared}")
    return Header(tuple(shape), dtype)


def _channels_first(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W) or (N, H, W, 3) -> (N, C, H, W)."""
    return images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
