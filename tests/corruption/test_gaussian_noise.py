from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.gaussian_noise import GaussianNoise

SIGMA = [0.05, 0.1, 0.15, 0.2]


@pytest.mark.parametrize("severity", [1, 2, 3, 4])
def test_residual_is_white_with_the_stated_deviation(severity: int, generator: Generator) -> None:
    images = torch.full((64, 3, 32, 32), 0.5)
    residual = GaussianNoise(sigma=SIGMA, clip=False)(images, severity, generator) - images
    n = residual.numel()
    assert abs(residual.mean().item()) < 4 * SIGMA[severity - 1] / n**0.5
    assert residual.std().item() == pytest.approx(SIGMA[severity - 1], rel=4 / (2 * n) ** 0.5)
    # White: the power at every frequency, a mean of 192 exponential values, is the variance.
    power = torch.fft.fft2(residual).abs().square().mean((0, 1)) / 32**2
    assert (power / SIGMA[severity - 1] ** 2 - 1).abs().max().item() < 6 / 192**0.5


def test_clipping_keeps_pixels_in_range_and_changes_nothing_else(natural: Tensor) -> None:
    free = GaussianNoise(sigma=SIGMA, clip=False)(natural, 4, torch.Generator().manual_seed(5))
    clipped = GaussianNoise(sigma=SIGMA, clip=True)(natural, 4, torch.Generator().manual_seed(5))
    assert free.min() < 0
    assert free.max() > 1
    assert torch.equal(clipped, free.clip(0, 1))


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    noise = GaussianNoise(sigma=SIGMA, clip=True)
    errors = [(noise(natural, s, generator) - natural).square().mean().item() for s in range(5)]
    assert errors == sorted(errors)
    assert errors[0] == 0
    assert list(noise.parameters) == SIGMA
