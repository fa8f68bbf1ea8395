"""Eigenbasis of a Gaussian kernel on points: frequency for functions of many variables.

An eigenvector with a large eigenvalue is a function on the points that varies slowly, one with a small eigenvalue one
that varies fast: the index in descending order of the eigenvalues takes the place of a frequency.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Width = Literal["median", "paper"]

PAPER_WIDTH = 1.25
"""sigma of the notebook of Rahaman et al. 2019, for MNIST pixels in [0, 1]."""


class Eigenbasis(NamedTuple):
    """Eigenvectors of a kernel matrix on n points.

    Attributes:
        values: (n,) float64, descending.
        vectors: (n, n) float64, orthonormal columns in the order of ``values``.
    """

    values: Tensor
    vectors: Tensor


def squared_distances(points: Tensor) -> Tensor:
    """(n, n) float64 squared Euclidean distances of points (n, d)."""
    points = points.double()
    squares = points.square().sum(1)
    found: Tensor = (squares[:, None] + squares - 2 * points @ points.T).clamp_min_(0)
    return found


def kernel_width(distances: Tensor, width: Width) -> float:
    """sigma: ``median``: half the median distance of two different points; ``paper``: :data:`PAPER_WIDTH`.

    Args:
        distances: (n, n) squared distances.
        width: which of the two.
    """
    if width == "paper":
        return PAPER_WIDTH
    upper = distances[torch.triu(torch.ones_like(distances, dtype=torch.bool), diagonal=1)]
    return 0.5 * float(upper.median().sqrt())


def rbf_eigenbasis(points: Tensor, width: Width) -> Eigenbasis:
    """Eigenbasis of K_ij = exp(-|x_i - x_j|^2 / (2 sigma^2)) on points (n, d), computed on the CPU in float64.

    Source: Rahaman et al. 2019, section 3 and appendix (kernel noise on MNIST).

    Raises:
        ValueError: fewer than two points, or a width of 0 (more than half of all pairs of points coincide).
    """
    if len(points) < 2:
        raise ValueError(f"a kernel's eigenbasis needs at least two points, got {len(points)}")
    distances = squared_distances(points.detach().cpu().flatten(1))
    sigma = kernel_width(distances, width)
    if sigma == 0:
        raise ValueError("the kernel's width is 0: more than half of all pairs of points coincide")
    values, vectors = torch.linalg.eigh(torch.exp(distances / (-2 * sigma**2)))
    return Eigenbasis(values.flip(0), vectors.flip(1))
