"""Spatter: drops of water or mud on the lens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption, standard_normal
from frequency_reg.corruption.constants import check_one_value_each, length_scale
from frequency_reg.corruption.edge import canny, chamfer_distance
from frequency_reg.corruption.filter_matrix import filter_matrix, gaussian_weights
from frequency_reg.corruption.luminance import paint

WATER = (175 / 255, 238 / 255, 238 / 255)
MUD = (63 / 255, 42 / 255, 20 / 255)
_DISTANCE_LIMIT = 20.0  # pixels
_EMBOSS = ([-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0])


class Spatter(Corruption):
    """Water: x + strength t c, clipped. Mud: (1 - t) x + t c. c is the liquid's colour and t its thickness in [0, 1].

    Liquid lies where normal noise, blurred by ``sigma``, reaches ``threshold``. See :func:`water_thickness` and
    :func:`mud_thickness` for t. Water is a pale turquoise, mud brown; images of one channel (of any number but three)
    get the colour's BT.601 luma.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c (one of its four extra
    corruptions). Deviations: blurred noise above 1 counts as 1, where the reference's bytes overflow to black; an image
    on which no drop falls stays as it is, and drops without shading are flat, where the reference divides by zero;
    results are not truncated to 8 bits.

    On other image sizes ``sigma``, the blur of mud and the largest distance of 20 pixels are multiplied by
    L / relative_to with L the shorter side, and the noise's deviation by what keeps the deviation of the blurred noise;
    the 3 x 3 filters that shade the water stay, so that drops are somewhat brighter on larger images. On smaller ones
    the liquid is made on a grid that is ceil(relative_to / L) times as fine, and averaged.

    Args:
        noise_mean: mean of the noise, severities 1..n.
        noise_deviation: standard deviation of the noise, severities 1..n.
        sigma: standard deviation of its blur in pixels, severities 1..n, at a side of ``relative_to``.
        threshold: blurred noise below it is no liquid, severities 1..n.
        strength: severities 1..n; of water the weight where it is thickest, of mud the standard deviation in pixels, at
            a side of ``relative_to``, by which the outline is blurred.
        mud: whether severities 1..n are of mud and not of water.
        relative_to: the side in pixels that the lengths belong to; None takes them as pixels of the given image.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        noise_mean: Annotated[list[float], MinLen(1)],
        noise_deviation: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        threshold: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        strength: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        mud: Annotated[list[bool], MinLen(1)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        noise = {"noise_mean": noise_mean, "noise_deviation": noise_deviation, "sigma": sigma, "threshold": threshold}
        check_one_value_each("spatter", {**noise, "strength": strength, "mud": mud})
        self.noise_mean, self.noise_deviation = noise_mean, noise_deviation
        self.sigma, self.threshold = sigma, threshold
        self.strength, self.mud = strength, mud
        self.relative_to = relative_to

    @property
    def unit(self) -> str:
        """No constant orders the severities, so they count themselves."""
        return "spatter severity"

    @property
    def parameters(self) -> Sequence[float]:
        """The severities 1..n themselves."""
        return range(1, len(self.noise_mean) + 1)

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        which = severity - 1
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        thickness = self._thickness(images.shape, which, generator).to(pixels)
        if self.mud[which]:
            return torch.lerp(pixels, paint(MUD, pixels), thickness).clamp_(0, 1).to(images.dtype)
        weighted = thickness.mul_(self.strength[which])
        return torch.addcmul(pixels, weighted, paint(WATER, pixels)).clamp_(max=1).to(images.dtype)

    def _thickness(self, shape: torch.Size, which: int, generator: Generator) -> Tensor:
        """Thickness (N, 1, H, W) in [0, 1], float32, of constants ``which`` for images of the ``shape``."""
        n, _, height, width = shape
        side = min(height, width)
        finer = 1 if self.relative_to is None else math.ceil(self.relative_to / side)
        scale = length_scale(side * finer, self.relative_to)
        # A wider blur averages more pixels. The noise grows by what that takes away: as much reaches the threshold.
        published, used = (_blur_weights(self.sigma[which] * factor) for factor in (1.0, scale))
        deviation = self.noise_deviation[which] * (published.square().sum() / used.square().sum()).item()
        noise = standard_normal(torch.empty(n, height * finer, width * finer), generator)
        liquid = blurred(noise.mul_(deviation).add_(self.noise_mean[which]), self.sigma[which] * scale)
        if self.mud[which]:
            thickness = mud_thickness(liquid, self.threshold[which], self.strength[which] * scale)
        else:
            thickness = water_thickness(liquid, self.threshold[which], _DISTANCE_LIMIT * scale)
        return F.avg_pool2d(thickness.unsqueeze(1), finer) if finer > 1 else thickness.unsqueeze(1)


def blurred(layers: Tensor, sigma: float) -> Tensor:
    """Layers (N, H, W) under a Gaussian cut off at 4 sigma, borders repeated: ``skimage.filters.gaussian``."""
    weights = _blur_weights(sigma)
    down, across = (filter_matrix(weights, side, "edge").to(layers) for side in layers.shape[-2:])
    return down @ layers @ across.T


def _blur_weights(sigma: float) -> Tensor:
    return gaussian_weights(sigma, int(4 * sigma + 0.5))


def mud_thickness(liquid: Tensor, threshold: float, sigma: float) -> Tensor:
    """Thickness (N, H, W) in [0, 1]: the outline ``liquid`` > threshold blurred, and 0 where that is below .8."""
    outline = blurred((liquid > threshold).to(liquid.dtype), sigma)
    return outline.masked_fill_(outline < 0.8, 0)


def water_thickness(liquid: Tensor, threshold: float, limit: float) -> Tensor:
    """Thickness (N, H, W) in [0, 1], 1 where the water is thickest, 0 in an image without any.

    The product of the liquid's level in 256 steps, 0 below the threshold, and of a shading: the distance to its edges
    (Canny, thresholds 50 and 150), at most ``limit``, averaged over 3 x 3 pixels, cut to whole pixels, its histogram
    equalised, embossed from the upper left and averaged again. Where that shading leaves nothing, in small images whose
    drops are all edge, the level stands alone.

    Args:
        liquid: (N, H, W), blurred noise.
        threshold: below it there is no liquid.
        limit: largest distance in pixels.
    """
    level = (liquid.masked_fill(liquid < threshold, 0).clamp(0, 1) * 255).floor()
    distance = chamfer_distance(canny(level, 50, 150), limit)
    # The small number keeps a mean of nine equal whole numbers whole.
    whole = (_box(distance) / 9 + 1e-4).floor().clamp_(max=255)
    shading = _embossed(equalised(whole)).clamp_(0, 255)
    water = level * (_box(shading) / 9).round_()
    thickest = water.amax((1, 2), keepdim=True)
    water = torch.where(thickest > 0, water, level)
    return water / water.amax((1, 2), keepdim=True).clamp_(min=1)


def _box(images: Tensor) -> Tensor:
    """Sums (N, H, W) over 3 x 3 pixels, borders reflected without repeating the edge."""
    down, across = (filter_matrix(torch.ones(3).double(), side, "reflect").to(images) for side in images.shape[-2:])
    return down @ images @ across.T


def _embossed(images: Tensor) -> Tensor:
    """Images (N, H, W) under the 3 x 3 filter _EMBOSS, borders reflected without repeating the edge."""
    height, width = images.shape[-2:]
    rows = [filter_matrix(unit, height, "reflect").to(images) for unit in torch.eye(3).double()]
    columns = [filter_matrix(weights, width, "reflect").to(images) for weights in torch.tensor(_EMBOSS).double()]
    return torch.stack([row @ images @ column.T for row, column in zip(rows, columns, strict=True)]).sum(0)


def equalised(images: Tensor) -> Tensor:
    """Whole numbers 0..255 (N, H, W), float32, spread so that the histogram of each image is as flat as can be.

    A value becomes round(255 (pixels at most this value - pixels of the least value) / (pixels - pixels of the least
    value)); an image of one value stays. Source: OpenCV's ``equalizeHist``.
    """
    n, pixels = len(images), images[0].numel()
    values = images.long() + 256 * torch.arange(n, device=images.device)[:, None, None]
    rank = torch.bincount(values.flatten(), minlength=256 * n).view(n, 256).cumsum(1)
    least = rank.gather(1, images.flatten(1).amin(1, keepdim=True).long())
    table = ((rank - least) * (255.0 / (pixels - least).clamp(min=1))).round()
    table = torch.where(least == pixels, torch.arange(256.0, device=images.device), table)
    return table.flatten()[values]
