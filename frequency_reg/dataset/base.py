"""The contract of a data set.

A data set of images is decoded to uint8 tensors (N, C, H, W) with int64 labels, in three splits. The validation split
is drawn from the training images uniformly at random (not stratified) with ``split_seed``, a seed of its own: runs that
differ in their seed select on the same images. A source with a validation split of its own may keep that one
(``validation_size`` null). A variant is one file with a class that derives from :class:`Dataset` and one
``conf/dataset/<name>.yaml``; its constructor takes keywords only, and their defaults stand in the YAML.

One that reads files says in ``locate`` whether they are there, hands them to :func:`frequency_reg.dataset.cache.cached`
with a function that decodes them, and splits the result with ``split``. One that computes its images calls
``Decoded.of`` and ``split``.

The labels say the task: integers are classes (classification, cross-entropy), floats (N, outputs) are values to fit
(regression, mean squared error). Points of a function of d variables are data of this form too, float32 "images" of
1 x 1 x d: see :mod:`frequency_reg.dataset.function`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


class DataError(Exception):
    """A data set is missing, damaged, or not what was expected: what, where, and how to mend it."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, C, H, W), or float32 where they are no pixels.
        labels: int64 (N,), indices into ``ImageData.class_names``; or float32 (N, outputs), values to fit.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def is_regression(self) -> bool:
        """Whether the labels are values to fit."""
        return self.labels.is_floating_point()


def as_values(images: Tensor) -> Tensor:
    """What a model takes, float32: bytes as pixels in [0, 1], in a tensor of their own; floats as they are."""
    return images if images.is_floating_point() else images.float().div_(255)


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set ready for training.

    Attributes:
        train: what the weights see.
        validation: drawn from the training images, or the source's own; what selection sees.
        test: touched by evaluation only.
        class_names: one a label; none where the labels are values to fit.
        mean: mean of the training split's pixels in [0, 1], one a channel.
        std: their standard deviation (over all pixels of a channel, population).
        digest: SHA-256 of the decoded images and labels, before the validation split; changes with their order.
    """

    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def num_outputs(self) -> int:
        """Classes to tell apart, or values to fit."""
        return self.train.labels.shape[1] if self.train.is_regression else len(self.class_names)


@dataclass(frozen=True, eq=False)
class Decoded:
    """Decoded content before the validation split.

    Attributes:
        arrays: by the names in ``ARRAYS``: images uint8 (N, C, H, W), labels int64 (N,).
        digest: SHA-256 over names, shapes and bytes of the arrays.
    """

    arrays: Mapping[str, NDArray[Any]]
    digest: str

    @classmethod
    def of(
        cls,
        train_images: NDArray[np.uint8],
        train_labels: NDArray[np.int64],
        test_images: NDArray[np.uint8],
        test_labels: NDArray[np.int64],
    ) -> Decoded:
        """Images uint8 (N, C, H, W) and labels (N,), with their digest."""
        arrays: dict[str, NDArray[Any]] = dict(
            zip(ARRAYS, (train_images, train_labels, test_images, test_labels), strict=True)
        )
        digest = hashlib.sha256()
        for name in ARRAYS:
            arrays[name] = np.ascontiguousarray(arrays[name], np.uint8 if name.endswith("images") else np.int64)
            digest.update(f"{name} {arrays[name].shape}".encode())
            digest.update(arrays[name].data)
        return cls(arrays, digest.hexdigest())


class Dataset(ABC):
    """Finds, decodes and splits images.

    Attributes:
        class_names: one a label; set by the class, or by ``load`` where the source says.
        augments: whether training images may be cropped and mirrored; not where a label belongs to the very image.

    Args:
        validation_size: number of images that the validation split takes from the training images; at least 1. None,
            where a variant allows it, keeps the source's own validation split.
        split_seed: seed of that choice.
        crop_padding: training augmentation: zero padding in pixels before a random crop of the old size; 0 is none.
        horizontal_flip: training augmentation: mirror each image with probability one half.
    """

    class_names: tuple[str, ...]
    augments: ClassVar[bool] = True

    def __init__(
        self, *, validation_size: int | None, split_seed: int, crop_padding: int, horizontal_flip: bool
    ) -> None:
        self.validation_size = validation_size
        self.split_seed = split_seed
        self.crop_padding = crop_padding
        self.horizontal_flip = horizontal_flip

    @abstractmethod
    def locate(self) -> None:
        """Checks cheaply, before any run, that the source is there; decodes nothing.

        Raises:
            DataError: the source is missing or visibly damaged.
        """

    @abstractmethod
    def load(self) -> ImageData:
        """The data set, decoded or from the cache.

        Raises:
            DataError: the source is missing or damaged.
        """

    def check_validation_size(self, n_train: int) -> None:
        """Raises ValueError unless ``validation_size`` leaves something of ``n_train`` images to train on."""
        if self.validation_size is not None and not 1 <= self.validation_size < n_train:
            raise ValueError(
                f"dataset.validation_size={self.validation_size}: choose 1 to {n_train - 1}; it is taken from the "
                f"{n_train} training images"
            )

    def split(self, decoded: Decoded, *, own_validation: int = 0) -> ImageData:
        """Takes the validation split from the training images and measures the rest.

        The chosen images stay in their order. Test images are not copied: they remain on the memory map.

        Args:
            decoded: all images.
            own_validation: how many of the training images, the last ones, are the source's own validation split. With
                ``validation_size`` None they stay that; else the split is drawn from all of them and the others.
        """
        arrays = {name: torch.from_numpy(array) for name, array in decoded.arrays.items()}
        n_train = len(arrays["train_labels"])
        training, validation = self._indices(n_train, own_validation)
        train = Split(arrays["train_images"][training], arrays["train_labels"][training])
        mean, std = pixel_moments(train.images)
        return ImageData(
            train=train,
            validation=Split(arrays["train_images"][validation], arrays["train_labels"][validation]),
            test=Split(arrays["test_images"], arrays["test_labels"]),
            class_names=self.class_names,
            mean=mean,
            std=std,
            digest=decoded.digest,
        )

    def _indices(self, n_train: int, own_validation: int) -> tuple[Tensor, Tensor]:
        """Which of the ``n_train`` images train and which validate, both ascending."""
        if self.validation_size is None:
            own = torch.arange(n_train)
            return own[: n_train - own_validation], own[n_train - own_validation :]
        self.check_validation_size(n_train)
        order = torch.randperm(n_train, generator=torch.Generator().manual_seed(self.split_seed))
        return order[self.validation_size :].sort().values, order[: self.validation_size].sort().values


def pixel_moments(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation per channel, in [0, 1], of uint8 images (N, C, H, W).

    Computed from exact counts of the 256 values, so the result does not depend on the number of threads.
    """
    counts = np.zeros((images.shape[1], 256), np.int64)
    for chunk in torch.split(images, 500):  # bincount widens its argument to 64 bits: small pieces bound the memory
        for channel, plane in enumerate(chunk.unbind(1)):
            counts[channel] += np.bincount(plane.numpy().ravel(), minlength=256)
    levels = np.arange(256) / 255
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(1)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def refuse_html(path: Path, *, expected: str, mend: str) -> None:
    """Raises DataError if ``path`` cannot be read, or holds an HTML page that was saved in place of the data."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {mend}") from error
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise DataError(
            f"{path} is an HTML page, not {expected}: a web server's error or login page was saved under that name. "
            f"Delete it; {mend}"
        )
