"""Saturation: colours paler or stronger, hue and value as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each

_TINY = 1e-30  # keeps 0 / 0 out where a pixel is grey or black


class Saturate(Corruption):
    """The HSV saturation S = (V - m) / V becomes S' = clip(a S + b, 0, 1); hue and value V stay.

    V and m are the largest and the smallest channel of a pixel. A pixel of fixed hue and value has V - x proportional
    to S, so that no conversion is needed: x' = V - (V - x) S' / S. A grey pixel has no hue; as in the reference it
    counts as red, so that b > 0 tints it: x' = V in the first channel and V (1 - S') in the others.

    Images of one channel are taken as R = G = B, and the result is averaged back: x (1 - 2/3 clip(b, 0, 1)). **A
    severity with b = 0 therefore leaves grey images as they are**: they have no saturation to change.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c (one of its four extra
    corruptions). Deviation: results are not truncated to 8 bits. Nothing here depends on the image size.

    Args:
        scale: a of severities 1..n.
        shift: b of severities 1..n.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        scale: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        shift: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
    ) -> None:
        check_one_value_each("saturate", {"scale": scale, "shift": shift})
        self.scale = scale
        self.shift = shift

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "saturation factor"

    @property
    def parameters(self) -> Sequence[float]:
        """The scale of severities 1..n; not monotonic as published, first paler and then stronger."""
        return self.scale

    def changes(self, channels: int, severity: int) -> bool:
        """Grey images have no saturation to scale: only a shift changes them."""
        return channels > 1 or self.shift[severity - 1] > 0

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        scale, shift = self.scale[severity - 1], self.shift[severity - 1]
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        if pixels.shape[1] == 1:
            return (pixels * (1 - 2 / 3 * min(shift, 1.0))).to(images.dtype)
        value, smallest = pixels.amax(1, keepdim=True), pixels.amin(1, keepdim=True)
        chroma = value - smallest
        new_chroma = (chroma / (value + _TINY)).mul_(scale).add_(shift).clamp_(0, 1).mul_(value)
        result = value - (value - pixels).mul_(new_chroma / (chroma + _TINY))
        if shift > 0:
            result[:, 1:] -= new_chroma.masked_fill_(chroma > 0, 0)
        return result.clamp_(0, 1).to(images.dtype)
