"""Pixelation: blocks of equal pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_sizes, scaled_size


class Pixelate(Corruption):
    """Down to n pixels a side and back up, both with Pillow's BOX filter.

    On the way down that filter gives each pixel of L to the one of the n cells that holds its centre, ties to the
    earlier cell, and takes plain means: not the exact area mean. On the way up it repeats the cell that holds the
    centre of each new pixel.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c, where n = floor(32 c),
    c = .95, .9, .85, .75, .65. Deviation: values are not rounded to 8 bits between and after the
    steps. Pillow rounds, so that ``evaluation.eight_bit``, which cuts down as the other corruptions do, leads away from
    the published bytes here: by .12 levels of 1/255 at severity 1 and .67 at 5 instead of .06 and .37 (mean over 1,000
    CIFAR-10 images).

    On other image sizes a side of L pixels becomes floor(n L / relative_to + 1/2) pixels, at least 1 and at most L - 1;
    small images may so get the same size at two severities. The recorded parameter stays the nominal n.

    Args:
        size: n of severities 1..n in pixels at a side of ``relative_to``.
        relative_to: the side in pixels that ``size`` belongs to; None takes ``size`` as pixels of the given image.

    Raises:
        ValueError: a size that is not smaller than ``relative_to``; when called, with ``relative_to`` None, a size that
            is not smaller than the image.
    """

    def __init__(
        self, *, size: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)], relative_to: Annotated[int, Ge(2)] | None
    ) -> None:
        check_sizes("pixelate", size, relative_to)
        self.size = size
        self.relative_to = relative_to

    @property
    def unit(self) -> str:
        """What the size counts."""
        return "pixelated to (px)" if self.relative_to is None else f"pixelated to (px of {self.relative_to})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal size of severities 1..n."""
        return self.size

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        nominal = self.size[severity - 1]
        cells = [scaled_size("pixelate", nominal, side, self.relative_to) for side in images.shape[-2:]]
        down, across = (block_means(*each).to(pixels) for each in zip(images.shape[-2:], cells, strict=True))
        # A convex combination; the clamp takes away only what rounding leaves above 1.
        return (down @ pixels @ across.T).clamp_(0, 1).to(images.dtype)


def block_means(side: int, cells: int) -> Tensor:
    """(side, side) matrix that takes a column of ``side`` pixels down to ``cells`` and back up; float64.

    In whole numbers, so that no tie hangs on rounding: pixel x lies in the cell j with j < (2x + 1) cells / (2 side)
    <= j + 1 on the way down, and takes the cell floor((2x + 1) cells / (2 side)) on the way up.
    """
    centres = (2 * torch.arange(side) + 1) * cells
    holds = torch.nn.functional.one_hot((centres - 1) // (2 * side), cells).double()
    return (holds / holds.sum(0)).T[centres // (2 * side)]
