"""Largest singular value of a matrix by power iteration."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class SpectralNorm(NamedTuple):
    """What power iteration found.

    Attributes:
        value: the largest singular value.
        vector: (columns,) float64 unit vector, the right singular vector: a start for a matrix that changed a little.
    """

    value: float
    vector: Tensor


def spectral_norm(matrix: Tensor, start: Tensor, *, iterations: int = 1000, tolerance: float = 1e-10) -> SpectralNorm:
    """|A|_2 = sqrt(lambda_max(A^T A)), by power iteration on A^T A: v <- A^T A v / |A^T A v|, then |A v|.

    |A v| grows in every step and never exceeds the norm. It stops when a step adds less than ``tolerance`` of it.
    Iterating A alone, as the notebook of Rahaman et al. 2019 does, has other fixed points (eigenvectors) and is no norm
    of a matrix that is not symmetric.

    Args:
        matrix: (rows, columns).
        start: (columns,) any vector that is not orthogonal to the right singular vector sought: a random one.
        iterations: at most so many steps.
        tolerance: relative.

    Returns:
        Value and vector, computed on the CPU in float64; 0 and ``start`` for a matrix that maps the start to 0.
    """
    a = matrix.detach().to(device="cpu", dtype=torch.float64)
    v = start.double() / start.double().norm()
    value = float((a @ v).norm())
    for _ in range(iterations):
        w = a.T @ (a @ v)
        length = float(w.norm())
        if length == 0:
            break
        v = w / length
        before, value = value, float((a @ v).norm())
        if value - before <= tolerance * value:
            break
    return SpectralNorm(value, v)
