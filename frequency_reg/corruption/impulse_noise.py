"""Impulse noise: single values turn black or white."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Gt, Le, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption


class ImpulseNoise(Corruption):
    """Salt and pepper: 0 with probability p / 2, 1 with probability p / 2, else x, for every pixel and channel.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: the result is not
    truncated to 8 bits.

    Nothing here is a length, so the constants are the same at every image size. The number of changed values is random:
    of 32 x 32 colour images practically all change, of 8 x 8 grey images about half stay as they are at p = .01.

    Args:
        amount: p of severities 1..n, the expected share of changed values.
    """

    def __init__(self, *, amount: Annotated[list[Annotated[float, Gt(0), Le(1)]], MinLen(1)]) -> None:
        self.amount = amount

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "share of values set to 0 or 1"

    @property
    def parameters(self) -> Sequence[float]:
        """Share of severities 1..n."""
        return self.amount

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        half = self.amount[severity - 1] / 2
        uniform = torch.rand(images.shape, generator=generator).to(images.device)
        return images.masked_fill(uniform < half, 0).masked_fill_(uniform >= 1 - half, 1)
