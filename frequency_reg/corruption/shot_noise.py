"""Shot noise: photons are counted, so bright pixels are noisier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Gt, Le, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.poisson import poisson_counts


class ShotNoise(Corruption):
    """min(k / c, 1), k ~ Poisson(c x) independent for every pixel and channel: mean x and variance x / c.

    The noise is white with a variance that follows the image; black stays black.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: the result is not
    truncated to 8 bits.

    Nothing here is a length, so the constants are the same at every image size.

    Args:
        photons: c of severities 1..n, the expected count at a pixel of 1; falling, for severity to grow.
    """

    def __init__(self, *, photons: Annotated[list[Annotated[float, Gt(0), Le(1e4)]], MinLen(1)]) -> None:
        self.photons = photons

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "photons at a pixel of 1"

    @property
    def parameters(self) -> Sequence[float]:
        """Photons of severities 1..n."""
        return self.photons

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        photons = self.photons[severity - 1]
        noisy = poisson_counts(images, photons, generator).mul_(1 / photons).clamp_(max=1)
        return torch.as_tensor(noisy, dtype=images.dtype, device=images.device)
