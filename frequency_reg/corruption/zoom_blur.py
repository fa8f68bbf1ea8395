"""Zoom blur: the image averaged with enlargements of itself, as by a zooming camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each

MOST_FACTORS = 1000


class ZoomBlur(Corruption):
    """(x + sum over z of zoom_z x) / (number of z + 1), z = 1, 1 + step, .. up to the largest factor.

    zoom_z crops the middle ceil(L / z) pixels of a side of L, enlarges them linearly to round(ceil(L / z) z) pixels,
    first on first and last on last, and crops the middle L of those (``scipy.ndimage.zoom`` of order 1). Whole pixels
    make small factors coarse: at 32 pixels, 1.01 changes nothing and 1.02 moves the lower right only.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c, whose ranges
    ``arange(1, max, .01)`` end at 1.06, 1.11, 1.15, 1.20, 1.25 (rounding lets the first two include their ends).
    Deviations: the result is not truncated to 8 bits, and each side is cropped by its own length, for images that are
    not square.

    Factors have no length, so the constants are the same at every image size. Where both sides are so short that not
    even the largest factor changes a pixel (8 pixels and 1.06), the factors are applied about the centre exactly
    instead.

    Args:
        factor: the largest factor of severities 1..n.
        step: between factors.

    Raises:
        ValueError: more than 1,000 factors, or an infinite one.
    """

    def __init__(
        self, *, factor: Annotated[list[Annotated[float, Gt(1)]], MinLen(1)], step: Annotated[float, Gt(0)]
    ) -> None:
        check_one_value_each("zoom_blur", {"factor": factor})
        if (max(factor) - 1) / step > MOST_FACTORS:
            raise ValueError(
                f"corruption.zoom_blur.step={step:g}: more than {MOST_FACTORS} factors up to {max(factor):g}; choose a "
                "larger step"
            )
        self.factor = factor
        self.step = step

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "largest zoom factor"

    @property
    def parameters(self) -> Sequence[float]:
        """Largest factor of severities 1..n."""
        return self.factor

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        n, channels, height, width = images.shape
        factors = zoom_factors(self.factor[severity - 1], self.step)
        pixels, starts, weights = (tensor.to(images.device) for tensor in zoom_bags(height, width, factors))
        table = images.to(torch.float32).reshape(n * channels, -1).T.contiguous()
        zoomed = F.embedding_bag(pixels, table, starts, mode="sum", per_sample_weights=weights)
        return zoomed.T.reshape(images.shape).clamp_(0, 1).to(images.dtype)


def zoom_factors(largest: float, step: float) -> tuple[float, ...]:
    """1, 1 + step, .. up to ``largest``, to the last digit those of NumPy's ``arange``.

    The last digit counts: 26 pixels become 32 at 1.25, half to even, and 33 at the next larger number, which it has.
    """
    count = math.floor((largest - 1) / step + 1e-6) + 1  # the tolerance includes the end, against rounding
    rounded = (1 + step) - 1
    return tuple(1 + i * rounded for i in range(count))


@lru_cache(maxsize=8)
def zoom_bags(height: int, width: int, factors: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The whole blur as one sparse matrix: each pixel of the result is a weighted bag of pixels.

    Returns:
        Pixels in all bags, one bag after the other (int64); where each of the height * width bags starts (int64); the
        weights of the pixels (float32).
    """
    exact = all(torch.equal(zoomed_places(side, factors[-1]), zoomed_places(side, 1.0)) for side in (height, width))
    area = height * width
    entries, weights = [], []
    for z in (1.0, *factors):
        (rows, row_weights), (columns, column_weights) = (
            linear_weights(zoomed_places(side, z, exact=exact), side) for side in (height, width)
        )
        # (H, 2) and (W, 2): the four pixels next to each place, as (H, W, 2, 2) and then (H W, 4).
        pixels = (rows[:, None, :, None] * width + columns[None, :, None, :]).view(area, 4)
        entries.append(torch.arange(area)[:, None] * area + pixels)
        weights.append((row_weights[:, None, :, None] * column_weights[None, :, None, :]).view(area, 4))
    # Every entry of the matrix once, row after row, with the sum of its weights.
    entry, place = torch.cat(entries).flatten().unique(return_inverse=True)
    values = torch.zeros(len(entry), dtype=torch.float64).index_add_(0, place, torch.cat(weights).flatten())
    kept = values > 0
    sizes = torch.bincount(entry[kept] // area, minlength=area)
    return entry[kept] % area, sizes.cumsum(0) - sizes, (values[kept] / (len(factors) + 1)).float()


def zoomed_places(side: int, factor: float, *, exact: bool = False) -> Tensor:
    """Where each pixel of an enlarged column lies in the given one, (side,) in pixels, float64; see :class:`ZoomBlur`.

    Args:
        side: number of pixels.
        factor: of the enlargement.
        exact: enlarge by exactly ``factor`` about the centre, not by whole pixels.
    """
    places = torch.arange(side, dtype=torch.float64)
    if exact:
        return (places - (side - 1) / 2) / factor + (side - 1) / 2
    before = math.ceil(side / factor)
    after = round(before * factor)
    return (side - before) // 2 + (places + (after - side) // 2) * ((before - 1) / max(after - 1, 1))


def linear_weights(places: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The two pixels next to each place in 0 .. side - 1 and their weights: (n, 2) int64 and (n, 2) float64."""
    before = places.floor().clamp(0, max(side - 2, 0))
    share = places - before
    pixels = torch.stack([before, (before + 1).clamp(max=side - 1)], 1).long()
    return pixels, torch.stack([1 - share, share], 1)
