"""Contrast: pixels drawn towards the mean of their channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption


class Contrast(Corruption):
    """(x - m) c + m with m the mean of each image and channel, clipped to [0, 1].

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: results are not
    truncated to 8 bits. Nothing here depends on the image size or on the number of channels.

    Args:
        factor: c of severities 1..n; falling below 1 for severity to grow, 0 leaves the mean alone.
    """

    def __init__(self, *, factor: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)]) -> None:
        self.factor = factor

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "contrast kept (factor)"

    @property
    def parameters(self) -> Sequence[float]:
        """The factor of severities 1..n."""
        return self.factor

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        mean = pixels.mean((-2, -1), keepdim=True)
        return torch.lerp(mean, pixels, self.factor[severity - 1]).clamp_(0, 1).to(images.dtype)
