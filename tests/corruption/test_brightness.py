from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.brightness import Brightness
from tests.corruption.real_images import cifar10_images

SHIFT = [0.05, 0.1, 0.15, 0.2, 0.3]


def by_skimage(image: np.ndarray, shift: float) -> np.ndarray:
    """One image (H, W, 3) in [0, 1], through HSV and back."""
    color = pytest.importorskip("skimage.color")
    hsv = color.rgb2hsv(image)
    hsv[..., 2] = np.clip(hsv[..., 2] + shift, 0, 1)
    return color.hsv2rgb(hsv)


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        ((0.2, 0.4, 0.1), (0.3, 0.6, 0.15)),  # V .4 -> .6, all channels times 1.5
        ((0.9, 0.45, 0.0), (1.0, 0.5, 0.0)),  # V .9 -> 1 and not 1.1, times 1 / .9
        ((0.0, 0.0, 0.0), (0.2, 0.2, 0.2)),
        ((1.0, 0.3, 1.0), (1.0, 0.3, 1.0)),
    ],
)
def test_one_pixel_by_hand(pixel: tuple[float, ...], expected: tuple[float, ...], generator: Generator) -> None:
    brighter = Brightness(shift=[0.2])(torch.tensor(pixel).view(1, 3, 1, 1), 1, generator)
    torch.testing.assert_close(brighter.flatten(), torch.tensor(expected))


def test_grey_gets_lighter_by_the_shift(generator: Generator) -> None:
    grey = torch.tensor([0.0, 0.5, 0.9]).view(1, 1, 1, 3)
    brighter = Brightness(shift=[0.2])(grey, 1, generator).flatten()
    torch.testing.assert_close(brighter, torch.tensor([0.2, 0.7, 1.0]))


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_a_way_through_hsv(natural: Tensor, severity: int, generator: Generator) -> None:
    ours = Brightness(shift=SHIFT)(natural.double(), severity, generator).permute(0, 2, 3, 1).numpy()
    expected = [by_skimage(image, SHIFT[severity - 1]) for image in natural.double().permute(0, 2, 3, 1).numpy()]
    np.testing.assert_allclose(ours, expected, atol=1e-9)


@pytest.mark.real_data
def test_real_images_within_truncation(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity, shift in enumerate(SHIFT, start=1):
        ours = Brightness(shift=SHIFT)(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        published = np.uint8([by_skimage(image, shift) * 255 for image in images / 255])
        assert np.abs(ours - published).mean() < 1


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    brightness = Brightness(shift=SHIFT)
    errors = [(brightness(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(brightness.parameters) == SHIFT
