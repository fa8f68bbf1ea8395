from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.motion_blur import MotionBlur
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images
from tests.corruption.smeared_by_loop import smeared_by_loop

RADIUS, SIGMA = [6.0, 6.0, 6.0, 8.0, 9.0], [1.0, 1.5, 2.0, 2.0, 2.5]


def motion() -> MotionBlur:
    return MotionBlur(radius=RADIUS, sigma=SIGMA, angle=45.0, relative_to=32.0)


def by_pixels(image: np.ndarray, radius: float, sigma: float, degrees: float) -> np.ndarray:
    """An image (H, W, C) without truncation of the small weights."""
    return smeared_by_loop(image, 2 * math.ceil(radius) + 1, sigma, degrees)


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("shape", [(32, 32), (9, 13)], ids=str)
def test_equals_imagemagick_rule(natural: Tensor, severity: int, shape: tuple[int, int]) -> None:
    images = natural[..., : shape[0], : shape[1]]
    free = MotionBlur(radius=RADIUS, sigma=SIGMA, angle=45.0, relative_to=None)
    ours = free(images, severity, torch.Generator().manual_seed(9)).permute(0, 2, 3, 1).numpy()
    degrees = (2 * torch.rand(16, generator=torch.Generator().manual_seed(9), dtype=torch.float64) - 1) * 45
    assert degrees.min() < -20
    assert degrees.max() > 20
    expected = [
        by_pixels(image, RADIUS[severity - 1], SIGMA[severity - 1], angle)
        for image, angle in zip(images.permute(0, 2, 3, 1).double().numpy(), degrees.tolist(), strict=True)
    ]
    assert np.abs(ours - expected).max() < 2e-6


@pytest.mark.real_data
@pytest.mark.parametrize("severity", [1, 3, 5])
def test_equals_imagecorruptions_rule_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images, rng = cifar10_images(data_root, 200) / 255, np.random.default_rng(5)
    parameters = RADIUS[severity - 1], SIGMA[severity - 1]
    theirs = np.stack([by_pixels(image, *parameters, rng.uniform(-45, 45)) for image in images])
    ours = motion()(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator).permute(0, 2, 3, 1).numpy()
    assert_same_distribution(ours - images, theirs - images)


def test_lengths_grow_with_large_images_only(natural: Tensor) -> None:
    large = natural.repeat(1, 1, 2, 2)
    twice = MotionBlur(radius=[12.0], sigma=[2.0], angle=45.0, relative_to=None)
    once = MotionBlur(radius=[6.0], sigma=[1.0], angle=45.0, relative_to=32.0)
    same = [blur(large, 1, torch.Generator().manual_seed(4)) for blur in (once, twice)]
    assert torch.equal(*same)
    small = natural[..., :8, :8]
    free = MotionBlur(radius=[6.0], sigma=[1.0], angle=45.0, relative_to=None)
    assert torch.equal(*(blur(small, 1, torch.Generator().manual_seed(4)) for blur in (once, free)))


def test_distortion_grows(natural: Tensor) -> None:
    errors = [
        (motion()(natural, s, torch.Generator().manual_seed(6)) - natural).square().mean().item() for s in range(6)
    ]
    assert errors[:4] == sorted(errors[:4])
    assert errors[4] == pytest.approx(errors[3], rel=1e-3)  # (6, 2) and (8, 2) differ beyond 6 sigma only
    assert errors[5] > errors[4]
    assert list(motion().parameters) == SIGMA


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"motion_blur.sigma=\[1.0, 2.0\]: 2 values for the 1 of radius"):
        MotionBlur(radius=[6.0], sigma=[1.0, 2.0], angle=45.0, relative_to=None)
