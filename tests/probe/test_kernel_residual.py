"""The residual by bands of eigenvectors, on a circle, where eigenvectors are sinusoids."""

import math

import pytest
import torch
from torch import nn

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.probe.kernel_residual import KernelResidual
from tests.probe.functions import CLASSES

N = 32
ANGLE = 2 * math.pi * torch.arange(N) / N
CIRCLE = torch.stack([ANGLE.cos(), ANGLE.sin()], 1)[:, None, None, :]


def probe(labels, **changes):
    split = Split(CIRCLE, labels[:, None].float())
    made = KernelResidual(**({"points": 2000, "bands": 4, "width": "median", "every": 1} | changes))
    made.prepare(ImageData(split, split, split, (), (0.0,), (1.0,), "0" * 64))
    return made


class Slow(nn.Module):
    """The sinusoid of one turn: the first coordinate of a point of the circle."""

    def forward(self, points):
        assert not self.training
        return points.flatten(1)[:, :1]


def test_what_a_model_has_fitted_is_gone_from_its_band():
    # Eigenvectors: constant, then pairs of frequencies 1, 2, ..; bands of 8: 0-3.5, .., the last 12.5-16.
    labels = ANGLE.cos() + 0.5 * (14 * ANGLE).cos()
    ((table, rows),) = probe(labels).measure(Slow().train(), 7)
    assert (table, rows["epoch"], rows["band"]) == ("kernel_residual", 7, [0, 1, 2, 3])
    assert (rows["first_index"], rows["last_index"]) == ([0, 8, 16, 24], [7, 15, 23, 31])
    # cos on n points has the square norm n / 2, spread over the 8 coefficients of its band.
    slow, fast = math.sqrt(N / 2 / 8), 0.5 * math.sqrt(N / 2 / 8)
    assert rows["target"] == pytest.approx([slow, 0, 0, fast], abs=1e-5)
    assert rows["residual"] == pytest.approx([0, 0, 0, fast], abs=1e-5)
    assert rows["eigenvalue"] == sorted(rows["eigenvalue"], reverse=True)


def test_bands_hold_all_of_the_residual_and_points_limits_them():
    labels = torch.randn(N, generator=torch.Generator().manual_seed(0))
    ((_, rows),) = probe(labels, bands=5, points=31).measure(Slow(), 0)
    sizes = [last - first + 1 for first, last in zip(rows["first_index"], rows["last_index"], strict=True)]
    assert sum(sizes) == 31
    whole = sum(size * value**2 for size, value in zip(sizes, rows["residual"], strict=True))
    assert whole == pytest.approx(float((labels - ANGLE.cos())[:31].square().sum()), rel=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="probe=kernel_residual measures one-valued functions"):
        KernelResidual(points=10, bands=2, width="paper", every=1).prepare(CLASSES)
    with pytest.raises(ValueError, match="bands=40: more than the 32 training points"):
        probe(ANGLE, bands=40)
