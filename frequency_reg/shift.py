"""Images and labels of one data set as a network sees them that was trained on another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.config import ConfigError
from frequency_reg.corruption.luminance import luminance
from frequency_reg.dataset.base import Split


@dataclass(frozen=True)
class Shift:
    """How a data set is shown to a network that was not trained on it.

    Attributes:
        resize: bring images to the size (bilinear, antialiased, rounded to 8 bits) and the channels (grey is repeated,
            colour becomes its luma) that the network was trained on.
        labels: name of the network's class -> name of the data set's class; None pairs equal names.
    """

    resize: bool = False
    labels: Mapping[str, str] | None = None


@contextmanager
def restricted(model: nn.Module, classes: Sequence[int]) -> Iterator[None]:
    """Inside, ``model`` gives the logits of ``classes`` alone, in their order, (N, len(classes)).

    A hook selects them, the last of the network's: its modules keep the paths that they had in training.

    Args:
        model: (N, C, H, W) -> (N, classes) logits.
        classes: those that stay, as they are numbered in a :class:`Split` of those classes.
    """
    handle = model.register_forward_hook(partial(_selected, classes=list(classes)))
    try:
        yield
    finally:
        handle.remove()


def _selected(_: nn.Module, __: Any, logits: Tensor, *, classes: list[int]) -> Tensor:
    return logits[:, classes]


def shared_classes(trained: Sequence[str], shown: Sequence[str], shift: Shift) -> list[tuple[int, int]]:
    """Pairs (class of the network, class of the data set) that mean the same, in the network's order.

    Raises:
        ConfigError: the data set has no classes, a named class does not exist, one of the data set's is in two pairs,
            or no class is shared.
    """
    if not shown:
        raise ConfigError(
            "this data set has values to fit; only images with classes can be shown to a classifier, such as "
            "dataset=mnist"
        )
    wanted = shift.labels if shift.labels is not None else {name: name for name in trained if name in shown}
    for ours, theirs in wanted.items():
        for name, names, whose in ((ours, trained, "the network's"), (theirs, shown, "the data set's")):
            if name not in names:
                raise ConfigError(f"--labels {ours}:{theirs}: '{name}' is none of {whose} classes: {', '.join(names)}")
        if sum(theirs == other for other in wanted.values()) > 1:
            raise ConfigError(
                f"--labels {ours}:{theirs}: the data set's class '{theirs}' is given twice; a class belongs to one pair"
            )
    if not wanted:
        raise ConfigError(
            f"the network's classes ({_listed(trained)}) and the data set's ({_listed(shown)}) have no name in common; "
            "say which mean the same: --labels NETWORK:DATASET,..."
        )
    return sorted((trained.index(ours), shown.index(theirs)) for ours, theirs in wanted.items())


def shown_split(split: Split, pairs: Sequence[tuple[int, int]], shape: tuple[int, int, int], shift: Shift) -> Split:
    """The images of the paired classes, numbered by pair, in the shape (C, H, W) that the network takes.

    Raises:
        ConfigError: the shape differs and ``shift.resize`` was not asked for.
    """
    place = torch.full((int(max(theirs for _, theirs in pairs)) + 1,), -1, dtype=torch.int64)
    for number, (_, theirs) in enumerate(pairs):
        place[theirs] = number
    known = split.labels < len(place)
    labels = torch.where(known, place.to(split.labels.device)[split.labels.clamp(max=len(place) - 1)], -1)
    images, labels = split.images[labels >= 0], labels[labels >= 0]
    if tuple(images.shape[1:]) == shape:
        return Split(images, labels)
    if not shift.resize:
        raise ConfigError(
            f"the network was trained on images {shape}, the data set's are {tuple(images.shape[1:])} (C, H, W); "
            "add --resize to bring them to that shape"
        )
    return Split(torch.cat([_fitted(part, shape) for part in images.split(1000)]), labels)


def _fitted(images: Tensor, shape: tuple[int, int, int]) -> Tensor:
    pixels = images.float()
    if shape[0] == 1 and images.shape[1] == 3:
        pixels = luminance(pixels)
    if tuple(images.shape[2:]) != shape[1:]:
        pixels = F.interpolate(pixels, size=shape[1:], mode="bilinear", align_corners=False, antialias=True)
    return pixels.expand(-1, shape[0], -1, -1).round().clamp(0, 255).to(torch.uint8)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
