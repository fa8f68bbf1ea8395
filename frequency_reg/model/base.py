"""The contract of a model.

A model is built from its own parameters (the YAML's keys) and four facts about the data that the runner supplies:
``image_shape`` (C, H, W), ``num_classes``, and the training set's per-channel ``mean`` and ``std`` in [0, 1]. It takes
images in [0, 1] and normalises them itself, so that a corruption never has to know about normalisation.

Layers keep torch's default initialisation (``reset_parameters``), so that the null distribution of a layer's spectrum
can be drawn by calling it again. A model says where regularizers may act:

    * ``dropout_sites``: names of ``nn.Identity`` modules between two weight layers, after the nonlinearity;
    * ``block_convolutions``: names of the convolutions inside blocks (neither stem nor shortcut; in a network without
      blocks, all of them);
    * ``residual_branches``: names of ``nn.Identity`` modules at the end of each residual branch, just before it is
      added to its shortcut, from the first to the last; none where the model has no shortcuts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

ImageShape = tuple[int, int, int]


class Model(nn.Module):
    """An image classifier: (N, C, H, W) pixels in [0, 1] -> (N, num_classes) logits.

    Args:
        image_shape: (C, H, W).
        num_classes: number of logits.
        mean: per-channel mean of the training pixels, in [0, 1].
        std: per-channel standard deviation of the training pixels.

    Raises:
        ValueError: ``mean`` or ``std`` do not have one value a channel, or a ``std`` is not positive.
    """

    dropout_sites: tuple[str, ...] = ()
    block_convolutions: tuple[str, ...] = ()
    residual_branches: tuple[str, ...] = ()
    mean: Tensor
    std: Tensor

    def __init__(
        self, *, image_shape: ImageShape, num_classes: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        if not len(mean) == len(std) == image_shape[0] or min(std) <= 0:
            raise ValueError(f"expected {image_shape[0]} means and positive stds, one a channel; got {mean}, {std}")
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, num_classes) of images (N, C, H, W) in [0, 1]."""
        return self.logits((images - self.mean) / self.std)

    @abstractmethod
    def logits(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) of normalised images (N, C, H, W)."""


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; every module's own mode is put back after, whatever happens."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class TracedShapes(NamedTuple):
    """Shapes without the batch: feature maps (C, H, W); vectors (features,); tokens (tokens, width)."""

    entering: tuple[int, ...]
    leaving: tuple[int, ...]


@torch.no_grad()
def trace_shapes(model: Model, names: Iterable[str]) -> dict[str, TracedShapes]:
    """Shape of what enters and what leaves each named module, found with one image of zeros in evaluation mode.

    Modules that no image reaches are left out. The model's state stays as it is.
    """
    shapes: dict[str, TracedShapes] = {}

    def watch(name: str) -> RemovableHandle:
        def note(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            shapes[name] = TracedShapes(tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))

        return model.get_submodule(name).register_forward_hook(note)

    handles: list[RemovableHandle] = []
    try:
        handles += map(watch, names)
        with evaluation_mode(model):
            model(torch.zeros(1, *model.image_shape, device=model.mean.device))
    finally:
        for handle in handles:
            handle.remove()
    return shapes
