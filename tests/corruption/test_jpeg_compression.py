from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from frequency_reg.corruption.jpeg_compression import JpegCompression
from tests.corruption.real_images import cifar10_images

QUALITY = [80, 65, 58, 50, 40]


def by_pillow(image: np.ndarray, quality: int) -> np.ndarray:
    """One image (H, W, 3) or (H, W) of bytes."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (5, 5), (1, 1), (31, 18), (16, 8)])
def test_colour_equals_pillow_to_the_bit(
    natural: Tensor, severity: int, height: int, width: int, generator: Generator
) -> None:
    images = (natural[..., :height, :width] * 255).byte()
    ours = JpegCompression(quality=QUALITY)(images.float() / 255, severity, generator)
    expected = [by_pillow(image, QUALITY[severity - 1]) for image in images.permute(0, 2, 3, 1).numpy()]
    assert torch.equal(ours, torch.from_numpy(np.array(expected)).permute(0, 3, 1, 2).float() / 255)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (5, 5), (9, 17)])
def test_each_channel_of_grey_equals_pillow_to_the_bit(
    natural: Tensor, height: int, width: int, generator: Generator
) -> None:
    images = (natural[:, :2, :height, :width] * 255).byte()
    expected = np.array([[by_pillow(channel, 40) for channel in image] for image in images.numpy()])
    two = JpegCompression(quality=QUALITY)(images.float() / 255, 5, generator)
    one = JpegCompression(quality=QUALITY)(images[:, :1].float() / 255, 5, generator)
    assert torch.equal(two, torch.from_numpy(expected).float() / 255)
    assert torch.equal(one, two[:, :1])


@pytest.mark.parametrize("quality", [1, 10, 90, 95, 100])
def test_other_qualities_equal_pillow_to_the_bit(natural: Tensor, quality: int, generator: Generator) -> None:
    images = (natural * 255).byte()
    ours = JpegCompression(quality=[quality])(images.float() / 255, 1, generator)
    expected = [by_pillow(image, quality) for image in images.permute(0, 2, 3, 1).numpy()]
    assert torch.equal(ours, torch.from_numpy(np.array(expected)).permute(0, 3, 1, 2).float() / 255)


@pytest.mark.real_data
def test_real_images_equal_pillow_to_the_bit(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 600)  # more rows than one mosaic holds
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity, quality in enumerate(QUALITY, start=1):
        ours = JpegCompression(quality=QUALITY)(pixels, severity, generator).permute(0, 2, 3, 1).mul(255).round()
        np.testing.assert_array_equal(ours.numpy(), [by_pillow(image, quality) for image in images])


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    jpeg = JpegCompression(quality=QUALITY)
    errors = [(jpeg(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(jpeg.parameters) == QUALITY
