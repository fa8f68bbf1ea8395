"""Noise of a chosen frequency that is added to the labels of training images."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from frequency_reg.spectrum.rbf import Width, rbf_eigenbasis

Noise = Literal["none", "radial", "kernel", "white"]


def radial_noise(points: Tensor, frequency: float, amplitude: float) -> Tensor:
    """beta sin(2 pi k |x|) (N,) float64 at points (N, d): a function of the norm, of k cycles per unit of length.

    Source: Rahaman et al. 2019, section 3, experiment 3.
    """
    return amplitude * torch.sin(2 * math.pi * frequency * points.double().flatten(1).norm(dim=1))


def white_noise(n: int, amplitude: float, seed: int) -> Tensor:
    """(n,) float64 independent normal values, scaled so that their root mean square is ``amplitude``."""
    return _scaled(_normal(n, seed), amplitude)


def kernel_noise(points: Tensor, amplitude: float, seed: int, *, noise_from: float, width: Width) -> Tensor:
    """White noise without its slow part: its projection on the eigenvectors from index ``noise_from`` n on.

    The eigenvectors are those of a Gaussian kernel on the points (:mod:`frequency_reg.spectrum.rbf`), eigenvalues
    descending. A projection does not depend on the signs of eigenvectors, nor on their choice within a subspace.

    Args:
        points: (n, d).
        amplitude: root mean square of the result.
        seed: of the white noise: :func:`white_noise` of equal seed is what is projected.
        noise_from: in [0, 1).
        width: of the kernel.

    Returns:
        (n,) float64.
    """
    n = len(points)
    fast = rbf_eigenbasis(points, width).vectors[:, int(noise_from * n) :]
    return _scaled(fast @ (fast.T @ _normal(n, seed)), amplitude)


def _normal(n: int, seed: int) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _scaled(values: Tensor, amplitude: float) -> Tensor:
    return values * (amplitude / values.square().mean().sqrt())
