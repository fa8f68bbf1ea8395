"""Eigenbasis of a Gaussian kernel, against a naive kernel matrix and a circle, whose eigenvectors are sinusoids."""

import math

import numpy as np
import pytest
import torch

from frequency_reg.spectrum.rbf import kernel_width, rbf_eigenbasis, squared_distances


def test_the_basis_diagonalises_the_kernel_written_out():
    points = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    basis = rbf_eigenbasis(points, "paper")
    x = points.double().numpy()
    kernel = np.array([[math.exp(-((a - b) ** 2).sum() / (2 * 1.25**2)) for b in x] for a in x])
    vectors = basis.vectors.numpy()
    assert np.allclose(vectors.T @ kernel @ vectors, np.diag(basis.values.numpy()), atol=1e-9)
    assert np.allclose(vectors.T @ vectors, np.eye(9), atol=1e-9)
    assert (np.diff(basis.values.numpy()) <= 0).all()


def test_on_a_circle_the_index_is_the_frequency():
    angle = 2 * math.pi * torch.arange(32) / 32
    vectors = rbf_eigenbasis(torch.stack([angle.cos(), angle.sin()], 1), "median").vectors
    power = torch.fft.rfft(vectors.T).abs().square()
    # One constant, then a sine and a cosine of each frequency.
    assert power[:7].argmax(1).tolist() == [0, 1, 1, 2, 2, 3, 3]


def test_widths():
    distances = squared_distances(torch.tensor([[0.0], [1.0], [4.0]]))
    assert distances.tolist() == [[0, 1, 16], [1, 0, 9], [16, 9, 0]]
    assert kernel_width(distances, "median") == 1.5  # distances 1, 3, 4
    assert kernel_width(distances, "paper") == 1.25


def test_points_without_a_basis_are_refused():
    with pytest.raises(ValueError, match="at least two points, got 1"):
        rbf_eigenbasis(torch.zeros(1, 2), "paper")
    with pytest.raises(ValueError, match="width is 0: more than half of all pairs of points coincide"):
        rbf_eigenbasis(torch.zeros(4, 2), "median")
