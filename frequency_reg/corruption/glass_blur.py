"""Glass blur: pixels displaced within a small neighbourhood, as by frosted glass."""

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


class GlassBlur(Corruption):
    """Gaussian blur, ``iterations`` passes of displaced pixels, the same Gaussian blur again.

    A pass visits the pixels (r, c) with d < r, c <= L - d from the last to the first, row by row, and copies to each
    the pixel (r + a, c + b), a and b uniform in -d .. d - 1: as it is then, so a pixel that the pass has visited gives
    what it has received. All channels move alike. The published code means to swap the two pixels, but its two names
    are views of one array, and the first assignment overwrites what the second would read: it copies, as here. Rows and
    columns 0 .. d stay, whence the clearer upper and left borders. Blurs reach 4 sigma, rounded; borders continue.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: neither the first
    blur nor the result is truncated to 8 bits. With these constants the
    mean squared distortion falls from severity 1 to 3 and from 4 to 5: the wider blur smooths what the passes roughen.

    On images whose shorter side L is longer than ``relative_to``, sigma and d are multiplied by L / relative_to, d
    rounded; on smaller ones they stay, for they are no more than a pixel already.

    Args:
        sigma: standard deviation of both blurs in pixels, severities 1..n.
        max_delta: d of severities 1..n in pixels.
        iterations: number of passes, severities 1..n.
        relative_to: the side in pixels that the lengths belong to; None takes them as pixels of the given image.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        sigma: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        max_delta: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        iterations: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        check_one_value_each("glass_blur", {"sigma": sigma, "max_delta": max_delta, "iterations": iterations})
        self.sigma, self.max_delta, self.iterations, self.relative_to = sigma, max_delta, iterations, relative_to

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "glass σ × iterations (px)"

    @property
    def parameters(self) -> Sequence[float]:
        """Sigma times iterations of severities 1..n: either alone does not tell the severities apart."""
        return [round(sigma * times, 12) for sigma, times in zip(self.sigma, self.iterations, strict=True)]

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        n, _, height, width = images.shape
        scale = max(1.0, length_scale(min(height, width), self.relative_to))
        sigma, delta = self.sigma[severity - 1] * scale, math.floor(self.max_delta[severity - 1] * scale + 0.5)
        weights = gaussian_weights(sigma, int(4 * sigma + 0.5))
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        down, across = (filter_matrix(weights, side, "edge").to(pixels) for side in (height, width))
        blurred = down @ pixels @ across.T if len(weights) > 1 else pixels
        passes = self.iterations[severity - 1]
        visited = max(0, height - 2 * delta), max(0, width - 2 * delta)
        moves = torch.randint(-delta, delta, (n, passes, 2, *visited), generator=generator)
        source = torch.arange(height * width).expand(n, -1)
        for move in moves.unbind(1):
            source = source.gather(1, displaced(move, delta, height, width))
        moved = blurred.flatten(2).gather(2, source.to(images.device)[:, None].expand(-1, images.shape[1], -1))
        result = moved.view(images.shape)
        result = down @ result @ across.T if len(weights) > 1 else result
        return result.clamp_(0, 1).to(images.dtype)


def displaced(moves: Tensor, delta: int, height: int, width: int) -> Tensor:
    """Where each pixel's value comes from after one pass, (N, height * width), flat places before the pass.

    Args:
        moves: (N, 2, height - 2 delta, width - 2 delta), displacement in rows and in columns of the visited pixels
            (delta + 1 .. height - delta) x (delta + 1 .. width - delta); each in -delta .. delta - 1.
        delta: largest displacement.
        height: of the images.
        width: of the images.
    """
    n = len(moves)
    place = torch.arange(height * width).view(height, width)
    target = place.expand(n, -1, -1).clone()
    if moves.numel():
        inner = slice(delta + 1, height - delta + 1), slice(delta + 1, width - delta + 1)
        target[:, *inner] += moves[:, 0] * width + moves[:, 1]
    target = target.flatten(1)
    if delta == 1:
        return target  # moves only up and left, to pixels not visited yet
    return _followed(target, place.flatten(), delta, height, width)


def _followed(target: Tensor, place: Tensor, delta: int, height: int, width: int) -> Tensor:
    """Follows copies of copies to the pixel before the pass that they come from.

    Visits go from the last place to the first: a target behind its pixel, if visited at all, has been visited before it
    and gives what it has received.
    """
    row, column = place // width, place % width
    visited = (row > delta) & (row <= height - delta) & (column > delta) & (column <= width - delta)
    onward = torch.where((target > place) & visited[target], target, place)
    while True:  # each round doubles the number of copies followed
        further = onward.gather(1, onward)
        if torch.equal(further, onward):
            return target.gather(1, onward)
        onward = further
