"""Handwritten digits, 8 x 8 grey: the embedded data set that needs no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge

from frequency_reg.dataset.base import Dataset, Decoded, ImageData
from frequency_reg.dataset.cache import cached

N_TRAIN = 1297
N_TEST = 500
TEST_SEED = 0


class Digits(Dataset):
    """scikit-learn's ``load_digits``: 1,797 images (1, 8, 8) of ten classes, grey levels 0..16 as round(v 255 / 16).

    Source: Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits"; scikit-learn ships its test part.
    There is no official split of that part: 500 test images are drawn uniformly at random with the fixed seed 0, so
    writers may stand on both sides, and 1,297 remain for training and validation.

    Args:
        validation_size: see :class:`Dataset`.
        split_seed: see :class:`Dataset`; the test images do not depend on it.
        crop_padding: see :class:`Dataset`.
        horizontal_flip: see :class:`Dataset`.

    Raises:
        ValueError: ``validation_size`` leaves no training images.
    """

    class_names = tuple("0123456789")

    def __init__(
        self,
        *,
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
        self.check_validation_size(N_TRAIN)

    def locate(self) -> None:
        """Nothing to find: the images come with scikit-learn."""

    def load(self) -> ImageData:
        """See :meth:`Dataset.load`."""
        return self.split(cached("digits", _sources(), _decode))


def _sources() -> list[Path]:
    """scikit-learn's file with the images, found without importing scikit-learn, which takes longer than reading."""
    package = importlib.util.find_spec("sklearn")
    folders = package.submodule_search_locations if package else None
    return [Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders or ()]


def _decode() -> Decoded:
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.rint(source.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = source.target.astype(np.int64)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(TEST_SEED)).numpy()
    test, train = np.sort(order[:N_TEST]), np.sort(order[N_TEST:])
    return Decoded.of(images[train], labels[train], images[test], labels[test])
