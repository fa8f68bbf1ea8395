"""Motion blur: every point is smeared along a line, as by a moving camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each, length_scale
from frequency_reg.corruption.smear import falling_weights, smear


class MotionBlur(Corruption):
    """Sum over i = 0 .. 2 ceil(r) of w_i times the pixel i steps away, w_i = exp(-i^2 / (2 sigma^2)) / sum.

    The line starts at the pixel itself and goes to the right at an angle uniform in [-angle, angle], one an image. The
    pixel i steps away lies ceil(i sin - 1/2) rows down and ceil(i cos - 1/2) columns to the right, whole pixels that
    is; beyond the border the border pixel continues.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviations: there
    ImageMagick blurs; here its published rule is followed, without it (weights below 1e-7 are left out). The result is
    not truncated to 8 bits. The constants give severities 3 and 4 practically the same kernel: they differ in weights
    beyond 6 sigma.

    On images whose shorter side L is longer than ``relative_to``, radius and sigma are multiplied by L / relative_to;
    on smaller ones they stay, for a smear below a pixel would be none.

    Args:
        radius: r of severities 1..n in pixels.
        sigma: of the weights in pixels, severities 1..n.
        angle: the largest angle to the horizontal, in degrees.
        relative_to: the side in pixels that the lengths belong to; None takes them as pixels of the given image.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        radius: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        angle: Annotated[float, Ge(0), Le(90)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        check_one_value_each("motion_blur", {"radius": radius, "sigma": sigma})
        self.radius, self.sigma, self.angle, self.relative_to = radius, sigma, angle, relative_to

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "smear σ (px)" if self.relative_to is None else f"smear σ (px of {self.relative_to:g})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal sigma of severities 1..n."""
        return self.sigma

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        scale = max(1.0, length_scale(min(images.shape[-2:]), self.relative_to))
        taps = 2 * math.ceil(self.radius[severity - 1] * scale) + 1
        weights = falling_weights(taps, self.sigma[severity - 1] * scale)
        degrees = torch.rand(len(images), generator=generator, dtype=torch.float64).mul_(2).sub_(1).mul_(self.angle)
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        smeared = smear(pixels, weights[weights > 1e-7], degrees.deg2rad())
        return smeared.clamp_(0, 1).to(images.dtype)
