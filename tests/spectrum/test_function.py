"""Amplitudes of functions on a grid, against sinusoids written out."""

import math

import pytest
import torch

from frequency_reg.spectrum.function import coefficients, explained_variance


@pytest.mark.parametrize("n", [16, 15])
def test_the_amplitude_of_a_sinusoid_is_its_coefficient(n):
    x = torch.arange(n) / n
    y = 0.7 * torch.sin(2 * math.pi * 3 * x + 0.4) + 2 * torch.cos(2 * math.pi * x) - 0.25
    found = coefficients(y)
    assert found.shape == (8,)
    assert found.abs().tolist() == pytest.approx([0.5, 2, 0, 0.7, 0, 0, 0, 0], abs=1e-6)
    assert math.remainder(found[3].angle().item() - (0.4 - math.pi / 2), 2 * math.pi) == pytest.approx(0, abs=1e-6)


def test_explained_variance_counts_amplitude_and_phase():
    target = torch.tensor([2 + 0j, 2j, -1 + 0j, 1 + 1j])
    found = torch.tensor([2 + 0j, 1j, 1 + 0j, 0j])  # all, half the amplitude, the opposite phase, nothing
    assert explained_variance(found, target).tolist() == pytest.approx([1, 0.75, -3, 0])
