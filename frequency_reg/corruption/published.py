"""The contract of a published set of corrupted images: stored images with labels of their own.

They are no function of our test images, so they are no :class:`frequency_reg.corruption.base.Corruption`: nothing is
computed, nothing is random, and their order need not be that of our test set. What is scored on them is named
``SET:CORRUPTION`` (``cifar10c:fog``), with a colon that no name of a computed corruption has: a mean over the ones must
leave out the others, and :func:`row_name` is the only place that writes such a name.

A variant is one file with a class that derives from :class:`Published` and one ``conf/corruption/<name>.yaml``; its
constructor takes keywords only, and their defaults stand in the YAML.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from frequency_reg.dataset.base import DataError, ImageData, Split

SEVERITIES = (1, 2, 3, 4, 5)
UNIT = "published severity"
"""What the parameter of a published set counts: its constants are those of its makers."""


@dataclass(frozen=True, eq=False)
class StoredSet:
    """The images of one corruption at one severity.

    Attributes:
        corruption: its published name, such as ``fog``.
        severity: 1 to 5.
        n: number of images.
        parts: opens the images, part after part: a part fits into memory, all of them need not.
    """

    corruption: str
    severity: int
    n: int
    parts: Callable[[], Iterator[Split]]


class Published(ABC):
    """Finds and opens stored corrupted images.

    Args:
        names: the corruptions to score, by their published names.

    Raises:
        ValueError: no name, one that occurs twice, or one that is no plain file name.
    """

    def __init__(self, *, names: Sequence[str]) -> None:
        unsound = [name for name in names if not name.replace("_", "").isalnum()]
        if unsound:
            raise ValueError(f"names: {unsound[0]!r} is no corruption's name; write letters, digits and _ only")
        if len(set(names)) < len(names) or not names:
            raise ValueError(f"names={list(names)}: give at least one corruption, each once")
        self.names = tuple(names)

    @abstractmethod
    def locate(self) -> None:
        """Checks cheaply, before any run, that the files are there and of the right size; reads no image.

        Raises:
            DataError: missing or visibly damaged.
        """

    @abstractmethod
    def sets(self, data: ImageData) -> Iterator[StoredSet]:
        """Every corruption at severities 1 to 5, in the order of ``names``; opens no image until asked.

        Args:
            data: the data set that the model was trained on.

        Raises:
            DataError: see :meth:`locate`; or the stored images are no corrupted test images of ``data``.
        """


def row_name(key: str, corruption: str) -> str:
    """What the column ``corruption`` of the records says: ``key`` is the set's name in the configuration."""
    return f"{key}:{corruption}"


def check_same_test_set(where: str, shape: tuple[int, ...], labels: Tensor, data: ImageData) -> None:
    """Refuse stored images that cannot be corrupted versions of the test images of ``data``.

    They must have their shape (C, H, W), and of every class as many images: that tells CIFAR-10's from those of another
    data set of ten classes.

    Args:
        where: the source, for messages.
        shape: (C, H, W) of the stored images.
        labels: of one severity, int64 (N,), at least 0.
        data: the data set that the model was trained on.

    Raises:
        DataError: another shape, or other numbers of images a class.
    """
    if shape != data.image_shape:
        raise DataError(
            f"{where}: images of shape {shape}, those of the data set have {data.image_shape}; choose the data set "
            "whose test images were corrupted"
        )
    classes = len(data.class_names)
    ours = torch.bincount(data.test.labels.cpu(), minlength=classes)
    theirs = torch.bincount(labels, minlength=classes)
    if not torch.equal(ours, theirs):
        raise DataError(
            f"{where}: {len(labels)} images a severity in {int((theirs > 0).sum())} classes, the test set has "
            f"{len(data.test)} in {classes}, and not as many of each class; choose the data set whose test images were "
            "corrupted"
        )
