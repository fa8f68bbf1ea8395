from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from frequency_reg.corruption.zoom_blur import ZoomBlur, zoom_factors, zoomed_places
from tests.corruption.real_images import cifar10_images

FACTOR = [1.06, 1.11, 1.15, 1.2, 1.25]
PUBLISHED_END = [1.06, 1.11, 1.16, 1.21, 1.26]  # of the ranges, exclusive but for rounding


def zoom() -> ZoomBlur:
    return ZoomBlur(factor=FACTOR, step=0.01)


def enlarged(image: np.ndarray, factor: float) -> np.ndarray:
    """An image (H, W, C): the middle enlarged by SciPy, each side by its own length."""
    starts, lengths = [], []
    for side in image.shape[:2]:
        lengths.append(math.ceil(side / factor))
        starts.append((side - lengths[-1]) // 2)
    crop = image[starts[0] : starts[0] + lengths[0], starts[1] : starts[1] + lengths[1]]
    large = ndimage.zoom(crop, (factor, factor, 1), order=1)
    top, left = ((large.shape[axis] - image.shape[axis]) // 2 for axis in (0, 1))
    return large[top : top + image.shape[0], left : left + image.shape[1]]


def by_scipy(images: np.ndarray, severity: int) -> np.ndarray:
    factors = np.arange(1, PUBLISHED_END[severity - 1], 0.01)
    zoomed = [image + sum(enlarged(image, factor) for factor in factors) for image in images]
    return np.clip(np.stack(zoomed) / (len(factors) + 1), 0, 1)


def test_places_by_hand() -> None:
    # 8 pixels at 1.25: the middle ceil(6.4) = 7 become round(8.75) = 9, steps of 6/8; of the 9 the first 8 are kept.
    torch.testing.assert_close(zoomed_places(8, 1.25), torch.arange(8, dtype=torch.float64) * 0.75)
    torch.testing.assert_close(zoomed_places(32, 1.01), torch.arange(32, dtype=torch.float64))
    assert zoomed_places(5, 1.25, exact=True).tolist() == pytest.approx([0.4, 1.2, 2.0, 2.8, 3.6])


def test_number_of_factors() -> None:
    """The ranges of the published code have 7, 12, 16, 21 and 26 factors and end where ours do."""
    for factor, end, count in zip(FACTOR, PUBLISHED_END, (7, 12, 16, 21, 26), strict=True):
        published = np.arange(1, end, 0.01)
        assert len(published) == count
        assert zoom_factors(factor, 0.01) == tuple(published)  # to the last digit


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("shape", [(32, 32), (28, 28), (21, 30)], ids=str)
def test_equals_scipy(natural: Tensor, severity: int, shape: tuple[int, int], generator: Generator) -> None:
    images = natural[:4, :, : shape[0], : shape[1]]
    ours = zoom()(images, severity, generator).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - by_scipy(images.permute(0, 2, 3, 1).double().numpy(), severity)).max() < 1e-5


@pytest.mark.real_data
def test_real_images_within_truncation(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 50)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity in range(1, 6):
        ours = zoom()(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        assert np.abs(ours - np.uint8(by_scipy(images / 255, severity) * 255)).mean() < 1


def test_images_too_small_for_whole_pixels_are_zoomed_about_the_centre(generator: Generator) -> None:
    # 1.06 leaves 8 pixels as they are. Exactly, a ramp r becomes the mean of r and 3.5 + (r - 3.5) / z over the z.
    ramp = (torch.arange(8, dtype=torch.float32) / 7).expand(1, 1, 8, 8)
    factors = [1 + i * 0.01 for i in range(7)]
    shrink = (1 + sum(1 / z for z in factors)) / 8
    torch.testing.assert_close(zoom()(ramp, 1, generator), 0.5 + (ramp - 0.5) * shrink, atol=1e-6, rtol=0)


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"zoom_blur.step=1e-09: more than 1000 factors up to 1.06; choose a larger"):
        ZoomBlur(factor=[1.06], step=1e-9)
    with pytest.raises(ValueError, match=r"zoom_blur.factor=\[inf\]: give finite numbers"):
        ZoomBlur(factor=[math.inf], step=0.01)


def test_constant_images_stay(generator: Generator) -> None:
    for severity in range(1, 6):
        torch.testing.assert_close(
            zoom()(torch.full((1, 2, 32, 32), 0.3), severity, generator), torch.full((1, 2, 32, 32), 0.3)
        )


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    errors = [(zoom()(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(zoom().parameters) == FACTOR
