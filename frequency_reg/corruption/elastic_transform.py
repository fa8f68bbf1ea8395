"""Elastic transform: the image is stretched and locally bent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each
from frequency_reg.corruption.filter_matrix import filter_matrix, gaussian_weights


class ElasticTransform(Corruption):
    """A random affine map, then a random smooth displacement field, both with bilinear interpolation.

    The affine map moves three points, (a, a), (a, -a), (-a, -a) from the centre pixel (W // 2, H // 2) with a a third
    of the shorter side, by values uniform in [-affine, affine] in either direction. The displacement in each direction
    is ``alpha`` times values uniform in [-1, 1], one a pixel, under a Gaussian filter of ``sigma`` (cut at 3 sigma,
    rounded); with alpha 0 there is none. Beyond the border the image is mirrored, without the border pixel repeated in
    the first step and with it in the second.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviations: OpenCV of that
    time rounded the places of the first step to 1/32 pixel, here they are exact; the result is not truncated to 8 bits.

    The three lengths are shares of the shorter side, so they grow with the image. The published severities trade
    stretching for bending: pixels move *less* from the first to the last, but neighbours move apart more.

    Args:
        alpha: amplitude of the displacement before the filter, share of the shorter side, severities 1..n.
        sigma: of the filter, share of the shorter side, severities 1..n.
        affine: largest move of the three points, share of the shorter side, severities 1..n.

    Raises:
        ValueError: lists of different lengths; alpha without sigma.
    """

    def __init__(
        self,
        *,
        alpha: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        sigma: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        affine: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
    ) -> None:
        check_one_value_each("elastic_transform", {"alpha": alpha, "sigma": sigma, "affine": affine})
        for a, width in zip(alpha, sigma, strict=True):
            if a > 0 and width == 0:
                raise ValueError(f"corruption.elastic_transform.sigma={sigma}: alpha {a:g} needs a sigma above 0")
        self.alpha, self.sigma, self.affine = alpha, sigma, affine

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "affine move (share of the side)"

    @property
    def parameters(self) -> Sequence[float]:
        """Affine move of severities 1..n."""
        return self.affine

    @property
    def distortion_grows(self) -> bool:
        """The published constants trade the affine part, which moves most, for small waves."""
        return False

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        n, _, height, width = images.shape
        alpha, sigma, affine = (values[severity - 1] for values in (self.alpha, self.sigma, self.affine))
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        side, bent = min(height, width), alpha > 0
        # One block of draws an image: the three points, then the two fields.
        draws = torch.rand(n, 6 + 2 * height * width * bent, generator=generator).mul_(2).sub_(1).to(pixels)
        places = affine_places(draws[:, :6].view(n, 3, 2) * (affine * side), height, width)
        moved = sample(pixels, places, repeat_border=False)
        if bent:
            fields = draws[:, 6:].view(n, 2, height, width)
            moved = sample(moved, displaced_places(fields, alpha * side, sigma * side), repeat_border=True)
        return moved.clamp_(0, 1).to(images.dtype)


def affine_places(moves: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel of the stretched images comes from, (N, H, W, 2) as (x, y) in pixels.

    Args:
        moves: (N, 3, 2) moves (x, y) of the three points in pixels; see :class:`ElasticTransform`.
        height: of the images.
        width: of the images.
    """
    third = max(1, min(height, width) // 3)
    centre = torch.tensor([width // 2, height // 2]).to(moves)
    points = centre + third * torch.tensor([[1, 1], [1, -1], [-1, -1]]).to(moves)
    to = points + moves
    # The first two points differ in y alone, the last two in x alone: the columns of the map are their differences.
    linear = torch.stack([to[:, 1] - to[:, 2], to[:, 0] - to[:, 1]], 2) / (2 * third)
    (a, b), (c, d) = (linear[:, row].unbind(1) for row in (0, 1))
    inverse = torch.stack([d, -b, -c, a], 1).view(-1, 2, 2) / (a * d - b * c)[:, None, None]
    offset = points[2] - (inverse @ to[:, 2, :, None])[..., 0]
    places = pixel_places(height, width).to(moves).view(1, -1, 2) @ inverse.mT + offset[:, None]
    return places.view(-1, height, width, 2)


def displaced_places(fields: Tensor, alpha: float, sigma: float) -> Tensor:
    """Places (N, H, W, 2) as (x, y) in pixels, from fields (N, 2, H, W) of values in [-1, 1], x before y."""
    height, width = fields.shape[-2:]
    weights = gaussian_weights(sigma, int(3 * sigma + 0.5))
    down, across = (filter_matrix(weights, side, "symmetric").to(fields) for side in (height, width))
    smooth = (down * alpha) @ fields @ across.T
    return smooth.permute(0, 2, 3, 1) + pixel_places(height, width).to(fields)


def pixel_places(height: int, width: int) -> Tensor:
    """(H, W, 2): the place (x, y) of each pixel."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y], -1)


def sample(images: Tensor, places: Tensor, *, repeat_border: bool) -> Tensor:
    """Bilinear values of images (N, C, H, W) at places (N, H, W, 2) as (x, y) in pixels, mirrored beyond the border."""
    sides = torch.tensor(images.shape[:1:-1]).to(places)
    # torch mirrors at the border pixels' outer edges or at their centres, as the corners of its coordinates lie.
    grid = (2 * places + 1) / sides - 1 if repeat_border else 2 * places / (sides - 1).clamp(min=1) - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=not repeat_border)
