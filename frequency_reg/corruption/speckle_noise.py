"""Speckle noise: multiplicative Gaussian noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption, standard_normal


class SpeckleNoise(Corruption):
    """x + sigma x n, n ~ N(0, 1) independent for every pixel and channel, clipped to [0, 1].

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: the result is not
    truncated to 8 bits.

    Nothing here is a length, so the constants are the same at every image size. Black stays black.

    Args:
        sigma: standard deviation of the noise at a pixel of 1, severities 1..n.
    """

    def __init__(self, *, sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)]) -> None:
        self.sigma = sigma

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "noise σ (share of the pixel)"

    @property
    def parameters(self) -> Sequence[float]:
        """Sigma of severities 1..n."""
        return self.sigma

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        factor = standard_normal(images, generator).mul_(self.sigma[severity - 1]).add_(1)
        return factor.mul_(images).clamp_(0, 1)
