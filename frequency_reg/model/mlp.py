"""Multi-layer perceptron on flattened pixels."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
from annotated_types import Ge, MinLen
from torch import Tensor, nn

from frequency_reg.model.base import ImageShape, Model

Activation = Literal["relu", "tanh", "gelu", "sine"]


class Sine(nn.Module):
    """sin(z), elementwise."""

    def forward(self, z: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return torch.sin(z)


ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "sine": Sine}


class MLP(Model):
    """``hidden`` fully connected layers, each with a nonlinearity, and a linear read-out; no convolution.

    Source: the fully connected baseline of LeCun et al. 1998, section III, with ReLU instead of tanh. ``sine`` is the
    nonlinearity of Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation Functions".
    Deviation: without their factor omega_0 and their initialisation; all layers keep torch's.

    Args:
        hidden: widths of the hidden layers.
        activation: after each hidden layer: ``relu`` max(z, 0), ``tanh``, ``gelu`` z Phi(z) (exact, not the tanh
            approximation), ``sine`` sin(z).
    """

    def __init__(
        self,
        *,
        hidden: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        activation: Activation,
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        channels, height, width = image_shape
        widths = [channels * height * width, *hidden]
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), ACTIVATIONS[activation](), nn.Identity()) for a, b in pairwise(widths)
        )
        self.readout = nn.Linear(widths[-1], num_classes)
        self.dropout_sites = tuple(f"hidden.{i}.2" for i in range(len(hidden)))

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = x.flatten(1)
        for layer in self.hidden:
            x = layer(x)
        return self.readout(x)  # type: ignore[no-any-return]
