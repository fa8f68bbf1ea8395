"""What data sets of functions share: points of R^d and the values to fit there, instead of images and classes.

A point is a float32 "image" of 1 x 1 x d, a value a float32 label (outputs,). Three splits, as for images: ``test`` is
one period of the function on a regular grid, in order, so that a DFT of a model's outputs there is its spectrum;
``train`` is what the model is fitted to; ``validation`` lies where neither of them has points.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from frequency_reg.dataset.base import Dataset, ImageData, Split

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Coordinates (N, d) and values (N, outputs)."""


class FunctionDataset(Dataset):
    """Computes points; reads no files, augments nothing, and normalises nothing."""

    augments: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__(validation_size=None, split_seed=0, crop_padding=0, horizontal_flip=False)
        self.class_names = ()

    def locate(self) -> None:
        """Nothing to find."""

    @abstractmethod
    def points(self) -> tuple[Points, Points, Points]:
        """Training, validation and test points."""

    def load(self) -> ImageData:
        """The three splits in float32, with the digest of their content."""
        train, validation, test = (_split(*points) for points in self.points())
        digest = hashlib.sha256()
        for split in (train, validation, test):
            for array in (split.images.numpy(), split.labels.numpy()):
                digest.update(str(array.shape).encode())
                digest.update(np.ascontiguousarray(array).data)
        return ImageData(
            train=train,
            validation=validation,
            test=test,
            class_names=(),
            mean=(0.0,),
            std=(1.0,),
            digest=digest.hexdigest(),
        )


def _split(coordinates: NDArray[np.float64], values: NDArray[np.float64]) -> Split:
    return Split(_float32(coordinates)[:, None, None, :].contiguous(), _float32(values).contiguous())


def _float32(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
