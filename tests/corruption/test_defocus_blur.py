from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from frequency_reg.corruption.defocus_blur import DefocusBlur, smooth_disc
from tests.corruption.real_images import cifar10_images

RADIUS, ALIAS = [0.3, 0.4, 0.5, 1.0, 1.5], [0.4, 0.5, 0.6, 0.2, 0.1]


def defocus() -> DefocusBlur:
    return DefocusBlur(radius=RADIUS, alias_blur=ALIAS, relative_to=32.0)


def by_opencv(images: np.ndarray, severity: int) -> np.ndarray:
    """Images (N, H, W, C), with the 17 x 17 kernel of the published code."""
    cv2 = pytest.importorskip("cv2")
    x, y = np.meshgrid(np.arange(-8, 9), np.arange(-8, 9))
    disc = (x**2 + y**2 <= RADIUS[severity - 1] ** 2).astype(np.float32)
    kernel = cv2.GaussianBlur(disc / disc.sum(), ksize=(3, 3), sigmaX=ALIAS[severity - 1])
    return np.stack([cv2.filter2D(image, -1, kernel) for image in images])


def test_kernel_by_hand() -> None:
    # r = 1: a plus of 5 pixels; weights of the smoothing at sigma .5: exp(-2) = .135335 / 1.270671.
    side = 0.135335 / 1.270671
    centre = 1 - 2 * side
    kernel = smooth_disc(1.0, 0.5, 1)
    assert kernel.shape == (5, 5)
    assert kernel.sum().item() == pytest.approx(1)
    assert kernel[2, 2].item() == pytest.approx((centre**2 + 4 * centre * side) / 5, abs=1e-6)
    assert kernel[0, 2].item() == pytest.approx(centre * side / 5, abs=1e-6)
    assert kernel[0, 0].item() == 0
    assert kernel[0, 1].item() == pytest.approx(side**2 / 5, abs=1e-6)


@pytest.mark.parametrize("severity", range(1, 6))
def test_impulse_shows_the_disc(severity: int, generator: Generator) -> None:
    impulse = torch.zeros(1, 1, 15, 15)
    impulse[..., 7, 7] = 1
    blurred = defocus()(impulse, severity, generator)[0, 0]
    half = math.floor(RADIUS[severity - 1]) + 1
    expected = smooth_disc(RADIUS[severity - 1], ALIAS[severity - 1], 1).float()
    torch.testing.assert_close(blurred[7 - half : 8 + half, 7 - half : 8 + half], expected, atol=1e-6, rtol=0)
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_opencv(natural: Tensor, severity: int, generator: Generator) -> None:
    images = natural[..., :25]
    ours = defocus()(images, severity, generator).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - by_opencv(images.permute(0, 2, 3, 1).numpy(), severity)).max() < 1e-5


@pytest.mark.real_data
def test_real_images_within_truncation(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity in range(1, 6):
        ours = defocus()(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        published = np.uint8(np.clip(by_opencv(images / 255, severity), 0, 1) * 255)
        assert np.abs(ours - published).mean() < 1


def test_lengths_grow_with_large_images_only(natural: Tensor, generator: Generator) -> None:
    large = natural.repeat(1, 1, 7, 7)[:2, :1]
    ours = DefocusBlur(radius=[1.5], alias_blur=[0.1], relative_to=32.0)(large, 1, generator)
    # At 224 pixels, radius 10.5 and smoothing .7 over 15 pixels.
    y, x = np.mgrid[-17:18, -17:18]
    disc = (x**2 + y**2 <= 10.5**2) / np.sum(x**2 + y**2 <= 10.5**2)
    kernel = ndimage.gaussian_filter(disc, 0.7, mode="constant", radius=7)
    expected = ndimage.correlate(large.double().numpy(), kernel[None, None], mode="mirror")
    assert np.abs(ours.numpy() - expected).max() < 1e-5
    small = natural[..., :8, :8]
    free = DefocusBlur(radius=RADIUS, alias_blur=ALIAS, relative_to=None)
    assert torch.equal(defocus()(small, 1, generator), free(small, 1, generator))


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    errors = [(defocus()(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(defocus().parameters) == RADIUS


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"defocus_blur.alias_blur=\[0.1, 0.2\]: 2 values for the 1 of radius"):
        DefocusBlur(radius=[1.0], alias_blur=[0.1, 0.2], relative_to=None)
