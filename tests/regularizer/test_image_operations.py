"""Augmentations of batches against PIL, image by image, and by hand."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from frequency_reg.regularizer.image_operations import (
    OPERATIONS,
    autocontrast,
    equalize,
    posterize,
    rotate,
    shear_x,
    shear_y,
    solarize,
    translate_x,
    translate_y,
)


def photographs(n: int = 4, height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth random bytes (n, height, width, 3) of less than the full range."""
    random = np.random.default_rng(0)
    coarse = random.integers(30, 200, (n, 6, 8, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((width, height), Image.Resampling.BICUBIC)) for c in coarse])


def tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def in_bytes(images: torch.Tensor) -> np.ndarray:
    return (images * 255).permute(0, 2, 3, 1).numpy()


def by_pil(method, images: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(method(Image.fromarray(image))) for image in images]).astype(float)


@pytest.mark.parametrize("level", [0.5, 2.6, 5.1, 9.0])
def test_operations_on_values_are_pils(level):
    images, levels = photographs(), torch.full((4,), level)
    expected = {
        equalize: by_pil(ImageOps.equalize, images),
        posterize: by_pil(lambda i: ImageOps.posterize(i, 4 - int(level * 0.4)), images),
        solarize: by_pil(lambda i: ImageOps.solarize(i, 256 - int(level * 25.6)), images),
    }
    for operation, by_hand in expected.items():
        assert np.allclose(in_bytes(operation(tensor(images), levels)), by_hand, atol=1e-3), operation.__name__
    contrast = in_bytes(autocontrast(tensor(images), levels))
    assert np.abs(contrast - by_pil(ImageOps.autocontrast, images)).max() < 1.01  # PIL cuts to bytes


@pytest.mark.parametrize("level", [-7.0, 3.0])
def test_movements_are_pils_inside_the_image(level):
    images, levels = photographs(), torch.full((4,), level)
    affine, bilinear, size = Image.Transform.AFFINE, Image.Resampling.BILINEAR, (32, 24)
    shear, right, down = level * 0.03, level * 32 / 30, level * 24 / 30
    expected = {
        rotate: lambda i: i.rotate(3 * level, resample=bilinear),
        shear_x: lambda i: i.transform(size, affine, (1, shear, 0, 0, 1, 0), resample=bilinear),
        shear_y: lambda i: i.transform(size, affine, (1, 0, 0, shear, 1, 0), resample=bilinear),
        translate_x: lambda i: i.transform(size, affine, (1, 0, right, 0, 1, 0), resample=bilinear),
        translate_y: lambda i: i.transform(size, affine, (1, 0, 0, 0, 1, down), resample=bilinear),
    }
    for operation, method in expected.items():
        found, by_hand = in_bytes(operation(tensor(images), levels)), by_pil(method, images)
        # At the border PIL repeats half a pixel, where this fades to black.
        inside = by_pil(method, np.full_like(images, 255)) > 254
        inside[:, 1:-1, 1:-1] &= inside[:, :-2, 1:-1] & inside[:, 2:, 1:-1] & inside[:, 1:-1, :-2] & inside[:, 1:-1, 2:]
        inside[:, [0, -1]] = inside[:, :, [0, -1]] = False
        assert inside.mean() > 0.3
        assert np.abs(found - by_hand)[inside].max() < 1.6, operation.__name__
        assert (found.sum((1, 2, 3)) < images.sum((1, 2, 3))).all(), "black comes in from outside"


def test_every_image_has_its_own_level():
    images = tensor(photographs())
    levels = torch.tensor([1.0, -4.0, 7.5, 9.9])
    for operation in OPERATIONS:
        together = operation(images, levels)
        alone = torch.cat([operation(images[i : i + 1], levels[i : i + 1]) for i in range(4)])
        assert torch.allclose(together, alone, atol=1e-6), operation.__name__


def test_one_grey_stays_what_it_is():
    grey = torch.full((1, 1, 4, 4), 0.4)
    for operation in (autocontrast, equalize):
        assert torch.allclose(operation(grey, torch.ones(1)), grey, atol=1 / 510)
