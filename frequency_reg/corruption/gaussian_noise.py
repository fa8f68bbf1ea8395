"""Additive white Gaussian noise: the flat spectrum, all frequencies alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption, standard_normal


class GaussianNoise(Corruption):
    """x + sigma n, n ~ N(0, 1) independent for every pixel and channel.

    Source: arXiv 2512.22192, robustness to noise, sigma = .05, .1, .15, .2 on pixels in [0, 1]. Deviation: its
    published script clamps the *normalised* images to [0, 1], which also destroys clean pixels; here pixels are
    clipped before the model normalises.

    Args:
        sigma: standard deviation of the noise of severities 1..n, pixels in [0, 1].
        clip: clip the result to [0, 1], as a camera would; without it the noise stays exactly white.
    """

    def __init__(self, *, sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)], clip: bool) -> None:
        self.sigma = sigma
        self.clip = clip

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "noise σ (pixels in [0, 1])"

    @property
    def parameters(self) -> Sequence[float]:
        """Sigma of severities 1..n."""
        return self.sigma

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        noisy = standard_normal(images, generator).mul_(self.sigma[severity - 1]).add_(images)
        return noisy.clamp_(0, 1) if self.clip else noisy
