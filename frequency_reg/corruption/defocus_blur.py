"""Defocus blur: every point becomes a disc, as out of focus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each, length_scale
from frequency_reg.corruption.filter_matrix import filter_matrix, gaussian_weights


class DefocusBlur(Corruption):
    """Correlation with the disc 1[i^2 + j^2 <= r^2] / sum, itself smoothed by a 3 x 3 Gaussian against its staircase.

    Borders are mirrored without repeating the border pixel.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: the result is not
    truncated to 8 bits.

    On images whose shorter side L is longer than ``relative_to``, both lengths are multiplied by s = L / relative_to
    and the smoothing Gaussian is cut at 2 ceil(s) + 1 pixels; on smaller ones they stay, for they are about a pixel
    already.

    Args:
        radius: r of severities 1..n in pixels.
        alias_blur: standard deviation of the smoothing in pixels, severities 1..n.
        relative_to: the side in pixels that the lengths belong to; None takes them as pixels of the given image.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        radius: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        alias_blur: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        check_one_value_each("defocus_blur", {"radius": radius, "alias_blur": alias_blur})
        self.radius, self.alias_blur, self.relative_to = radius, alias_blur, relative_to

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "disc radius (px)" if self.relative_to is None else f"disc radius (px of {self.relative_to:g})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal radius of severities 1..n."""
        return self.radius

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        height, width = images.shape[-2:]
        scale = max(1.0, length_scale(min(height, width), self.relative_to))
        kernel = smooth_disc(self.radius[severity - 1] * scale, self.alias_blur[severity - 1] * scale, math.ceil(scale))
        # A disc is a sum of few separable kernels, one at most radii here: products instead of a convolution.
        columns, strengths, rows = torch.linalg.svd(kernel)
        rank = int((strengths > 1e-7 * strengths[0]).sum())
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        blurred = torch.zeros_like(pixels)
        for k in range(rank):
            down = filter_matrix(columns[:, k] * strengths[k], height, "reflect").to(pixels)
            across = filter_matrix(rows[k], width, "reflect").to(pixels)
            blurred += down @ pixels @ across.T
        return blurred.clamp_(0, 1).to(images.dtype)


def smooth_disc(radius: float, sigma: float, half: int) -> Tensor:
    """Disc of ``radius`` smoothed by a Gaussian of ``sigma`` cut at 2 half + 1 pixels: square, odd, sum 1, float64."""
    reach = math.floor(radius) + half
    axis = torch.arange(-reach, reach + 1, dtype=torch.float64)
    disc = (axis[:, None].square() + axis.square() <= radius**2).double()
    # The border of the square is empty as far as the Gaussian reaches, so that its border mode is without effect.
    smooth = filter_matrix(gaussian_weights(sigma, half), len(axis), "edge")
    return smooth @ (disc / disc.sum()) @ smooth.T
