"""The real Fourier basis of images: one cosine for each pair of conjugate frequencies."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class FourierBasis(NamedTuple):
    """Cosines on an H x W image, one for each frequency up to its sign.

    Attributes:
        fy: (B,) int64, cycles per image along the columns, 0..H/2.
        fx: (B,) int64, cycles per image along the rows, -W/2 < fx <= W/2; of +f and -f, one is listed.
        radius: (B,) float64, sqrt(fy^2 + fx^2) in cycles per shorter side.
        multiplicity: (B,) int64, DFT bins that the frequency stands for: 2, or 1 if -f is f itself. They sum to H W.
        waves: (B, H, W) float32, ``cos(2 pi (fy y / H + fx x / W))`` of norm 1: nothing in the DFT but +f and -f.
    """

    fy: Tensor
    fx: Tensor
    radius: Tensor
    multiplicity: Tensor
    waves: Tensor


def fourier_basis(height: int, width: int) -> FourierBasis:
    """The basis for height x width images, sorted by (fy, fx).

    There are (H W + s) / 2 of them, with s the frequencies that are their own conjugates: 4 if both sides are even, 1
    if both are odd, else 2. At 32 x 32 that makes 514, at 8 x 8 34.
    """
    rows, columns = torch.arange(height), torch.arange(width)
    index = rows[:, None] * width + columns[None, :]
    mirrored = ((-rows) % height)[:, None] * width + ((-columns) % width)[None, :]
    row, column = torch.where(index <= mirrored)
    multiplicity = torch.where((index == mirrored)[row, column], 1, 2)
    fy, fx = _signed(row, height), _signed(column, width)
    order = torch.argsort(fy * 2 * width + fx)
    fy, fx, multiplicity = fy[order], fx[order], multiplicity[order]
    side = min(height, width)
    radius = torch.hypot(fy.double() * side / height, fx.double() * side / width)
    # Whole turns are dropped in integers: their rounding would otherwise grow with the frequency.
    turns = (fy[:, None] * rows % height).double()[:, :, None] / height
    turns = turns + (fx[:, None] * columns % width).double()[:, None, :] / width
    waves = (2 * math.pi * turns).cos()
    waves /= torch.linalg.vector_norm(waves, dim=(1, 2), keepdim=True)
    return FourierBasis(fy, fx, radius, multiplicity, waves.float())


def _signed(index: Tensor, size: int) -> Tensor:
    """DFT index 0..size-1 -> frequency; Nyquist is positive."""
    return torch.where(index <= size // 2, index, index - size)
