from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor

from frequency_reg.corruption.pixelate import Pixelate
from tests.corruption.real_images import cifar10_images

SIZES = [30, 28, 27, 24, 20]


def by_pillow(image: np.ndarray, size: int) -> np.ndarray:
    """One image (H, W, 3) of bytes."""
    small = Image.fromarray(image).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small.resize((image.shape[1], image.shape[0]), Image.Resampling.BOX))


@pytest.mark.parametrize(
    ("row", "size", "expected"),
    [
        ([0.0, 0.4, 0.8, 1.0], 2, [0.2, 0.2, 0.9, 0.9]),
        # Centres of 3 pixels in units of 2 cells: .33, 1, 1.67. The tie is averaged into the first cell, and repeats
        # the second.
        ([0.0, 0.6, 0.9], 2, [0.3, 0.9, 0.9]),
        # Of 4 in units of 3: .375, 1.125, 1.875, 2.625, so that cells hold 1, 2 and 1 pixels.
        ([0.0, 0.4, 0.8, 1.0], 3, [0.0, 0.6, 0.6, 1.0]),
        ([0.0, 0.4, 0.8, 1.0], 1, [0.55] * 4),
    ],
)
def test_a_row_by_hand(row: list[float], size: int, expected: list[float], generator: Generator) -> None:
    images = torch.tensor(row).expand(1, 1, len(row), len(row))
    pixelated = Pixelate(size=[size], relative_to=None)(images, 1, generator)
    torch.testing.assert_close(pixelated[0, 0], torch.tensor(expected).expand(len(row), len(row)))


@pytest.mark.parametrize("side", [16, 28, 32])
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_pillow_but_for_its_rounding(natural: Tensor, side: int, severity: int, generator: Generator) -> None:
    size = SIZES[severity - 1] * side // 32
    images = (natural[..., :side, :side] * 255).byte()
    ours = Pixelate(size=[size], relative_to=None)(images.float() / 255, 1, generator).permute(0, 2, 3, 1).numpy()
    expected = np.array([by_pillow(image, size) for image in images.permute(0, 2, 3, 1).numpy()])
    # Pillow rounds three times, of which one averages over whole numbers: 1.01 in all.
    assert np.abs(ours * 255 - expected).max() <= 1.01


@pytest.mark.real_data
def test_real_images_within_rounding(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity, size in enumerate(SIZES, start=1):
        ours = Pixelate(size=SIZES, relative_to=32)(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        assert np.abs(ours - np.array([by_pillow(image, size) for image in images])).mean() < 0.5


@pytest.mark.parametrize(
    ("side", "expected"),
    # n L / 32 with halves up: at 8 px 7.5, 7, 6.75, 6, 5, the first cut to L - 1; at 64 px twice the published sizes.
    [(8, [7, 7, 7, 6, 5]), (32, SIZES), (64, [60, 56, 54, 48, 40])],
)
def test_sizes_scale_with_the_image(side: int, expected: list[int], generator: Generator) -> None:
    images = torch.rand(1, 1, side, side, generator=generator)
    for severity, pixels in enumerate(expected, start=1):
        scaled = Pixelate(size=SIZES, relative_to=32)(images, severity, generator)
        assert torch.equal(scaled, Pixelate(size=[pixels], relative_to=None)(images, 1, generator))


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    pixelate = Pixelate(size=SIZES, relative_to=32)
    errors = [(pixelate(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(pixelate.parameters) == SIZES


def test_messages(generator: Generator) -> None:
    with pytest.raises(ValueError, match=r"pixelate.size=\[30, 32\]: sizes must be smaller than .*relative_to=32"):
        Pixelate(size=[30, 32], relative_to=32)
    with pytest.raises(ValueError, match=r"pixelate.size=28: the images have only 8 pixels; choose smaller sizes"):
        Pixelate(size=[28], relative_to=None)(torch.rand(1, 1, 8, 8), 1, generator)
