from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.speckle_noise import SpeckleNoise
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images

SIGMA = [0.06, 0.1, 0.12, 0.16, 0.2]


def by_numpy(images: np.ndarray, severity: int) -> np.ndarray:
    noise = np.random.default_rng(5).normal(size=images.shape, scale=SIGMA[severity - 1])
    return np.clip(images + images * noise, 0, 1)


@pytest.mark.parametrize("severity", range(1, 6))
def test_residual_is_white_with_a_deviation_that_follows_the_pixel(severity: int, generator: Generator) -> None:
    images = torch.full((64, 3, 32, 32), 0.5)
    images[:, :, :16] = 0.25
    noisy = SpeckleNoise(sigma=SIGMA)(images, severity, generator)
    for rows, pixel in ((slice(16), 0.25), (slice(16, 32), 0.5)):
        residual = (noisy - images)[:, :, rows]
        n, deviation = residual.numel(), pixel * SIGMA[severity - 1]
        assert abs(residual.mean().item()) < 4 * deviation / n**0.5
        assert residual.std().item() == pytest.approx(deviation, rel=4 / (2 * n) ** 0.5)
        power = torch.fft.fft2(residual).abs().square().mean((0, 1)) / (16 * 32)
        assert (power / deviation**2 - 1).abs().max().item() < 6 / 192**0.5


def test_black_stays_and_white_is_clipped(generator: Generator) -> None:
    images = torch.zeros(4, 1, 8, 8)
    images[..., 4:] = 1
    noisy = SpeckleNoise(sigma=[0.5])(images, 1, generator)
    assert (noisy[..., :4] == 0).all()
    assert (noisy[..., 4:] == 1).float().mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 128**0.5)


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_numpy_in_distribution(natural: Tensor, severity: int, generator: Generator) -> None:
    images = natural.repeat(8, 1, 1, 1).permute(0, 2, 3, 1)
    ours = SpeckleNoise(sigma=SIGMA)(images.permute(0, 3, 1, 2), severity, generator).permute(0, 2, 3, 1)
    clean = images.double().numpy()
    assert_same_distribution(ours.double().numpy() - clean, by_numpy(clean, severity) - clean)


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_numpy_on_real_images(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 200) / 255
    ours = SpeckleNoise(sigma=SIGMA)(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator)
    assert_same_distribution(ours.permute(0, 2, 3, 1).numpy() - images, by_numpy(images, severity) - images)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    noise = SpeckleNoise(sigma=SIGMA)
    errors = [(noise(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(noise.parameters) == SIGMA
