"""Brightness: more light, hue and saturation as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption

_BLACK = 1e-30  # added to pixels: lost in rounding at any other value, and 0 / 0 becomes the value of black


class Brightness(Corruption):
    """The HSV value V = max over channels becomes V' = min(V + c, 1); hue and saturation stay.

    A pixel of fixed hue and saturation is proportional to V, so that no conversion is needed: x' = x V' / V, and
    x' = V' in all channels of a black pixel. Images of one channel become min(x + c, 1); images of other channel
    counts follow the same formula.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: results are not
    truncated to 8 bits. Nothing here depends on the image size.

    Args:
        shift: c of severities 1..n, pixels in [0, 1].
    """

    def __init__(self, *, shift: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)]) -> None:
        self.shift = shift

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "brightness added (HSV value)"

    @property
    def parameters(self) -> Sequence[float]:
        """The shift of severities 1..n."""
        return self.shift

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        value = pixels.amax(1, keepdim=True)
        gain = (value + self.shift[severity - 1]).clamp_(max=1).div_(value.add_(_BLACK))
        return (pixels + _BLACK).mul_(gain).clamp_(max=1).to(images.dtype)
