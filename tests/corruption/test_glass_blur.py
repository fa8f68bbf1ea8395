from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from frequency_reg.corruption.glass_blur import GlassBlur, displaced
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images

SIGMA, DELTA, ITERATIONS = [0.05, 0.25, 0.4, 0.25, 0.4], [1, 1, 1, 1, 1], [1, 1, 1, 2, 2]


def glass() -> GlassBlur:
    return GlassBlur(sigma=SIGMA, max_delta=DELTA, iterations=ITERATIONS, relative_to=32.0)


def shuffled(image: np.ndarray, delta: int, moves: np.ndarray) -> np.ndarray:
    """One pass over an image (H, W, ...), pixel by pixel, with the assignment of views that the published code has."""
    image = image[..., None].copy()  # a last axis, so that image[r, c] is a view
    height, width = image.shape[:2]
    for r in range(height - delta, delta, -1):
        for c in range(width - delta, delta, -1):
            down, right = moves[:, r - delta - 1, c - delta - 1]
            image[r, c], image[r + down, c + right] = image[r + down, c + right], image[r, c]
    return image[..., 0]


def by_loops(images: np.ndarray, severity: int) -> np.ndarray:
    """Images (N, H, W, C), with SciPy's Gaussian filter."""
    s, d, rng = SIGMA[severity - 1], DELTA[severity - 1], np.random.default_rng(5)
    images = ndimage.gaussian_filter(images, (0, s, s, 0), mode="nearest", truncate=4)
    side = images.shape[1] - 2 * d
    for _ in range(ITERATIONS[severity - 1]):
        images = np.stack([shuffled(image, d, rng.integers(-d, d, (2, side, side))) for image in images])
    return np.clip(ndimage.gaussian_filter(images, (0, s, s, 0), mode="nearest", truncate=4), 0, 1)


@pytest.mark.parametrize(("delta", "height", "width"), [(1, 7, 9), (1, 2, 5), (2, 12, 9), (4, 20, 20), (3, 5, 5)])
def test_a_pass_equals_the_loop_over_pixels(delta: int, height: int, width: int, generator: Generator) -> None:
    moves = torch.randint(
        -delta, delta, (6, 2, max(0, height - 2 * delta), max(0, width - 2 * delta)), generator=generator
    )
    places = np.arange(height * width).reshape(height, width)
    expected = [shuffled(places, delta, move) for move in moves.numpy()]
    ours = displaced(moves, delta, height, width).view(-1, height, width)
    np.testing.assert_array_equal(ours.numpy(), expected)


def test_a_pass_by_hand() -> None:
    # 4 x 4 pixels, d = 1: rows and columns 2 and 3 are visited; all but the first take the pixel to their upper left.
    moves = torch.full((1, 2, 2, 2), -1)
    moves[0, :, 0, 0] = 0
    expected = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 6], [12, 13, 9, 10]]
    assert displaced(moves, 1, 4, 4).view(4, 4).tolist() == expected


@pytest.mark.parametrize("severity", range(1, 6))
def test_same_moves_same_image(natural: Tensor, severity: int) -> None:
    """The loops with our draws give our image, to rounding."""
    s, times = SIGMA[severity - 1], ITERATIONS[severity - 1]
    draws = torch.randint(-1, 1, (16, times, 2, 30, 30), generator=torch.Generator().manual_seed(2)).numpy()
    images = natural.permute(0, 2, 3, 1).double().numpy()
    expected = ndimage.gaussian_filter(images, (0, s, s, 0), mode="nearest", truncate=4)
    for i in range(times):
        expected = np.stack([shuffled(image, 1, move[i]) for image, move in zip(expected, draws, strict=True)])
    expected = ndimage.gaussian_filter(expected, (0, s, s, 0), mode="nearest", truncate=4)
    ours = glass()(natural, severity, torch.Generator().manual_seed(2)).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - expected).max() < 1e-6


@pytest.mark.real_data
@pytest.mark.parametrize("severity", [1, 5])
def test_equals_the_loops_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 100) / 255
    ours = glass()(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator).permute(0, 2, 3, 1).numpy()
    assert_same_distribution(ours - images, by_loops(images, severity) - images)


def test_lengths_grow_with_large_images_only(generator: Generator) -> None:
    image = torch.rand(1, 1, 64, 64, generator=generator)
    blur = GlassBlur(sigma=[0.05], max_delta=[1], iterations=[1], relative_to=32.0)
    twice = GlassBlur(sigma=[0.1], max_delta=[2], iterations=[1], relative_to=None)
    same = [b(image, 1, torch.Generator().manual_seed(4)) for b in (blur, twice)]
    assert torch.equal(*same)
    assert torch.equal(same[0][:, :, :3], image[:, :, :3])  # rows 0 .. d stay
    small = image[..., :8, :8]
    free = GlassBlur(sigma=[0.05], max_delta=[1], iterations=[1], relative_to=None)
    assert torch.equal(*(b(small, 1, torch.Generator().manual_seed(4)) for b in (blur, free)))


def test_channels_move_alike(generator: Generator) -> None:
    grey = torch.rand(2, 1, 32, 32, generator=generator).expand(-1, 3, -1, -1)
    blurred = glass()(grey, 3, generator)
    assert torch.equal(blurred[:, 0], blurred[:, 1])
    assert torch.equal(blurred[:, 0], blurred[:, 2])


def test_two_passes_distort_more_than_one(natural: Tensor, generator: Generator) -> None:
    """More is not promised: the wider blur of severity 3 smooths what the displacement has roughened."""
    errors = [(glass()(natural, s, generator) - natural).square().mean().item() for s in range(1, 6)]
    assert max(errors[:3]) < min(errors[3:])
    assert glass().parameters == [0.05, 0.25, 0.4, 0.5, 0.8]


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"glass_blur.iterations=\[1, 2\]: 2 values for the 1 of sigma"):
        GlassBlur(sigma=[0.1], max_delta=[1], iterations=[1, 2], relative_to=None)
