"""Gaussian augmentation adds noise of the stated scale to training images and nothing else."""

import pytest
import torch

from frequency_reg.model.mlp import MLP
from frequency_reg.regularizer.gaussian_augmentation import GaussianAugmentation

MODEL = MLP(hidden=[4], activation="relu", image_shape=(3, 8, 8), num_classes=10, mean=(0.5,) * 3, std=(0.2,) * 3)
GREY = torch.full((2000, 3, 8, 8), 0.5)
LABELS = torch.arange(2000) % 10


def residual(**settings) -> torch.Tensor:
    torch.manual_seed(0)
    images, labels = GaussianAugmentation(**settings).augment(MODEL, GREY, LABELS)
    assert torch.equal(labels, LABELS)
    return images - GREY


def test_fixed_scale_is_white_noise_of_that_deviation():
    noise = residual(gaussian_augmentation=0.05, noise_scale="fixed")
    n = noise.numel()
    assert abs(noise.mean().item()) < 4 * 0.05 / n**0.5
    assert noise.std().item() == pytest.approx(0.05, rel=4 / (2 * n) ** 0.5)
    power = torch.fft.fft2(noise).abs().square().mean((0, 1)) / (0.05**2 * 64)
    assert power.min() > 0.9
    assert power.max() < 1.1


def test_uniform_scale_is_drawn_for_each_image():
    per_image = residual(gaussian_augmentation=0.1, noise_scale="uniform").flatten(1).std(1)
    assert per_image.max() < 0.12
    assert per_image.mean().item() == pytest.approx(0.05, abs=0.003)
    quarter = (per_image < 0.025).float().mean().item()
    assert quarter == pytest.approx(0.25, abs=0.04)


def test_stays_within_the_range_and_leaves_the_batch_as_it_was():
    images = torch.rand(8, 3, 8, 8)
    before = images.clone()
    noisy, _ = GaussianAugmentation(gaussian_augmentation=1.0, noise_scale="fixed").augment(MODEL, images, LABELS[:8])
    assert torch.equal(images, before)
    assert noisy.min() == 0
    assert noisy.max() == 1


def test_acts_on_training_batches_only():
    """It has no module in the model: evaluation sees the images as they are."""
    regularizer = GaussianAugmentation(gaussian_augmentation=0.1, noise_scale="fixed")
    assert regularizer.prepare(MODEL) is MODEL
    assert not regularizer.parameter_groups(MODEL)
