"""Multi-layer perceptron on flattened pixels, ReLU."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from annotated_types import Ge, MinLen
from torch import Tensor, nn

from frequency_reg.model.base import ImageShape, Model


class MLP(Model):
    """``hidden`` fully connected layers with ReLU and a linear read-out; no convolution, so no kernel spectra.

    Source: the fully connected baseline of LeCun et al. 1998, section III, with ReLU instead of tanh.

    Args:
        hidden: widths of the hidden layers.
    """

    def __init__(
        self,
        *,
        hidden: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        channels, height, width = image_shape
        widths = [channels * height * width, *hidden]
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Identity()) for a, b in pairwise(widths)
        )
        self.readout = nn.Linear(widths[-1], num_classes)
        self.dropout_sites = tuple(f"hidden.{i}.2" for i in range(len(hidden)))

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = x.flatten(1)
        for layer in self.hidden:
            x = layer(x)
        return self.readout(x)  # type: ignore[no-any-return]
