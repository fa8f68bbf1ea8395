from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.impulse_noise import ImpulseNoise
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images

AMOUNT = [0.01, 0.02, 0.03, 0.05, 0.07]


@pytest.mark.parametrize("severity", range(1, 6))
def test_share_of_black_and_white(severity: int, generator: Generator) -> None:
    images = torch.full((64, 3, 32, 32), 0.25)
    noisy = ImpulseNoise(amount=AMOUNT)(images, severity, generator)
    half, n = AMOUNT[severity - 1] / 2, noisy.numel()
    for value in (0.0, 1.0):
        assert (noisy == value).double().mean().item() == pytest.approx(half, abs=4 * (half / n) ** 0.5)
    kept = (noisy != 0) & (noisy != 1)
    assert (noisy[kept] == 0.25).all()


def test_channels_are_hit_independently(generator: Generator) -> None:
    noisy = ImpulseNoise(amount=[0.5])(torch.full((50, 3, 32, 32), 0.25), 1, generator)
    hit = (noisy != 0.25).double()
    both = (hit[:, 0] * hit[:, 1]).mean().item()
    assert both == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 51200) ** 0.5)


def test_all_values_can_be_hit(generator: Generator) -> None:
    noisy = ImpulseNoise(amount=[1.0])(torch.full((2, 1, 8, 8), 0.25), 1, generator)
    assert ((noisy == 0) | (noisy == 1)).all()


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.real_data
def test_equals_scikit_image_on_real_images(data_root: Path, severity: int, generator: Generator) -> None:
    util = pytest.importorskip("skimage.util")
    images = cifar10_images(data_root, 200) / 255
    theirs = util.random_noise(images, mode="s&p", amount=AMOUNT[severity - 1], rng=5)
    ours = ImpulseNoise(amount=AMOUNT)(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator)
    assert_same_distribution(ours.permute(0, 2, 3, 1).numpy() - images, theirs - images)


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_scikit_image(natural: Tensor, severity: int, generator: Generator) -> None:
    util = pytest.importorskip("skimage.util")
    images = natural.repeat(8, 1, 1, 1).permute(0, 2, 3, 1).double().numpy()
    theirs = util.random_noise(images, mode="s&p", amount=AMOUNT[severity - 1], rng=5)
    ours = ImpulseNoise(amount=AMOUNT)(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator)
    assert_same_distribution(ours.permute(0, 2, 3, 1).numpy() - images, theirs - images)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    noise = ImpulseNoise(amount=AMOUNT)
    errors = [(noise(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(noise.parameters) == AMOUNT
