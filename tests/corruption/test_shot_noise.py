from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.shot_noise import ShotNoise
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images

PHOTONS = [500.0, 250.0, 100.0, 75.0, 50.0]


def by_numpy(images: np.ndarray, severity: int) -> np.ndarray:
    c = PHOTONS[severity - 1]
    return np.clip(np.random.default_rng(5).poisson(images * c) / c, 0, 1)


@pytest.mark.parametrize("severity", range(1, 6))
def test_variance_is_pixel_over_photons(severity: int, generator: Generator) -> None:
    images = torch.full((64, 3, 32, 32), 0.4)
    residual = ShotNoise(photons=PHOTONS)(images, severity, generator) - images
    n, variance = residual.numel(), 0.4 / PHOTONS[severity - 1]
    assert abs(residual.mean().item()) < 4 * (variance / n) ** 0.5
    assert residual.var().item() == pytest.approx(variance, rel=4 * (2 / n) ** 0.5 + 0.01)
    # White: the power at every frequency, a mean of 192 exponential values, is the variance.
    power = torch.fft.fft2(residual).abs().square().mean((0, 1)) / 32**2
    assert (power / variance - 1).abs().max().item() < 6 / 192**0.5


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_numpy_in_distribution(natural: Tensor, severity: int, generator: Generator) -> None:
    images = natural.repeat(8, 1, 1, 1).permute(0, 2, 3, 1)
    ours = ShotNoise(photons=PHOTONS)(images.permute(0, 3, 1, 2), severity, generator).permute(0, 2, 3, 1)
    clean = images.double().numpy()
    assert_same_distribution(ours.double().numpy() - clean, by_numpy(clean, severity) - clean)


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_numpy_on_real_images(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 200) / 255
    ours = ShotNoise(photons=PHOTONS)(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator)
    assert_same_distribution(ours.permute(0, 2, 3, 1).numpy() - images, by_numpy(images, severity) - images)


def test_values_are_counts_and_white_is_clipped(generator: Generator) -> None:
    noisy = ShotNoise(photons=[10.0])(torch.ones(8, 1, 16, 16), 1, generator)
    torch.testing.assert_close(noisy * 10, (noisy * 10).round(), atol=1e-5, rtol=0)
    assert noisy.max() == 1
    # P(k <= 9), k ~ Poisson(10), is .4579, over 2048 pixels.
    assert (noisy < 0.95).float().mean().item() == pytest.approx(0.4579, abs=4 * (0.25 / 2048) ** 0.5)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    noise = ShotNoise(photons=PHOTONS)
    errors = [(noise(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(noise.parameters) == PHOTONS
