"""Snow: a whitened image under falling flakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption, standard_normal
from frequency_reg.corruption.constants import check_one_value_each, length_scale
from frequency_reg.corruption.luminance import luminance
from frequency_reg.corruption.smear import falling_weights, smear


class Snow(Corruption):
    """k x + (1 - k) max(x, 1.5 g + .5) + f + f turned by 180 degrees, clipped to [0, 1].

    g is the luminance (BT.601 at three channels, the channels' mean at any other number, so grey itself for grey). The
    flakes f are the same in every channel: normal noise, its middle enlarged by ``zoom`` (bilinear, corner pixels on
    corner pixels), values below ``threshold`` set to 0, clipped to [0, 1], and smeared along a line at an angle uniform
    in [-135, -45] degrees, downwards that is; see :func:`frequency_reg.corruption.smear.smear`.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviations: the smear
    follows ImageMagick's published rule and does not call ImageMagick; neither the flakes before and after the smear
    nor the result are truncated to 8 bits.

    On other image sizes zoom, radius and sigma are multiplied by L / relative_to with L the shorter side, the zoom to
    no less than 1.

    Args:
        noise_mean: mean of the noise, severities 1..n.
        noise_deviation: standard deviation of the noise, severities 1..n.
        zoom: enlargement of the noise, severities 1..n, at a side of ``relative_to``.
        threshold: noise below it is no flake, severities 1..n.
        radius: the smear has 2 ceil(radius) + 1 taps, one a pixel, severities 1..n, at a side of ``relative_to``.
        sigma: standard deviation of the smear's weights in pixels, severities 1..n, at a side of ``relative_to``.
        keep: k of severities 1..n, the share of the image that is not whitened.
        relative_to: the side in pixels that the lengths belong to; None takes them as pixels of the given image.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        noise_mean: Annotated[list[float], MinLen(1)],
        noise_deviation: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        zoom: Annotated[list[Annotated[float, Ge(1)]], MinLen(1)],
        threshold: Annotated[list[float], MinLen(1)],
        radius: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        keep: Annotated[list[Annotated[float, Ge(0), Le(1)]], MinLen(1)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        noise = {"noise_mean": noise_mean, "noise_deviation": noise_deviation, "zoom": zoom, "threshold": threshold}
        check_one_value_each("snow", {**noise, "radius": radius, "sigma": sigma, "keep": keep})
        self.noise_mean, self.noise_deviation = noise_mean, noise_deviation
        self.zoom, self.threshold = zoom, threshold
        self.radius, self.sigma, self.keep = radius, sigma, keep
        self.relative_to = relative_to

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "share not whitened by snow"

    @property
    def parameters(self) -> Sequence[float]:
        """The share kept of severities 1..n."""
        return self.keep

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        flakes = self._flakes(images.shape, severity, generator).to(pixels)
        keep = self.keep[severity - 1]
        white = torch.maximum(pixels, luminance(pixels).mul_(1.5).add_(0.5))
        return white.lerp_(pixels, keep).add_(flakes + flakes.flip(-2, -1)).clamp_(max=1).to(images.dtype)

    def _flakes(self, shape: torch.Size, severity: int, generator: Generator) -> Tensor:
        """Layers of flakes (N, 1, H, W) in [0, 1], float32, for images of the ``shape`` (N, C, H, W)."""
        n, _, height, width = shape
        which = severity - 1
        scale = length_scale(min(height, width), self.relative_to)
        down, across = (enlargement(side, max(1.0, self.zoom[which] * scale)) for side in (height, width))
        seen = down.shape[1], across.shape[1]
        draws = standard_normal(torch.empty(n, math.prod(seen) + 1), generator)
        # Phi of a normal draw is uniform; drawn with the noise so that each image has one block of draws.
        angle = torch.special.ndtr(draws[:, -1].double()).mul_(90).sub_(135)
        noise = draws[:, :-1].reshape(n, *seen).mul_(self.noise_deviation[which]).add_(self.noise_mean[which])
        layer = noise if seen == (height, width) else down @ noise @ across.T
        layer.masked_fill_(layer < self.threshold[which], 0).clamp_(0, 1)
        taps = 2 * math.ceil(self.radius[which] * scale) + 1
        weights = falling_weights(taps, self.sigma[which] * scale).float()
        return smear(layer[:, None], weights, angle.deg2rad()).clamp_(max=1)


def enlargement(side: int, zoom: float) -> Tensor:
    """(side, ceil(side / zoom)) matrix that enlarges the middle of a column of pixels linearly; float32.

    m = ceil(side / zoom) pixels become round(m zoom), first on first and last on last, and the middle ``side`` of those
    are kept: ``scipy.ndimage.zoom`` of order 1.
    """
    before = math.ceil(side / zoom)
    after = max(round(before * zoom), side)
    places = (torch.arange(side, dtype=torch.float64) + (after - side) // 2) * ((before - 1) / max(after - 1, 1))
    return (1 - (places[:, None] - torch.arange(before)).abs()).clamp_(min=0).float()
