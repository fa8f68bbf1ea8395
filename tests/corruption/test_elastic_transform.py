from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from frequency_reg.corruption.elastic_transform import ElasticTransform, affine_places, sample
from tests.corruption.noise_statistics import assert_same_distribution
from tests.corruption.real_images import cifar10_images

ALPHA, SIGMA, AFFINE = [0.0, 0.05, 0.08, 0.1, 0.1], [0.0, 0.2, 0.06, 0.04, 0.03], [0.08, 0.07, 0.06, 0.05, 0.03]


def elastic() -> ElasticTransform:
    return ElasticTransform(alpha=ALPHA, sigma=SIGMA, affine=AFFINE)


def by_opencv(image: np.ndarray, severity: int, draws: np.ndarray) -> np.ndarray:
    """An image (H, W, C) float32; ``draws`` are 6 + 2 H W values in [-1, 1]: points, then fields in x and y."""
    cv2 = pytest.importorskip("cv2")
    height, width = image.shape[:2]
    side, which = min(height, width), severity - 1
    centre, third = np.array([width // 2, height // 2]), side // 3
    points = centre + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moves = draws[:6].reshape(3, 2) * AFFINE[which] * side
    matrix = cv2.getAffineTransform(points.astype(np.float32), (points + moves).astype(np.float32))
    image = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    if ALPHA[which] == 0:
        return np.asarray(np.clip(image, 0, 1))
    fields = draws[6:].reshape(2, height, width)
    dx, dy = (
        ndimage.gaussian_filter(field, SIGMA[which] * side, mode="reflect", truncate=3) * ALPHA[which] * side
        for field in fields
    )
    y, x = np.indices((height, width))
    channels = [
        ndimage.map_coordinates(image[..., c], [y + dy, x + dx], order=1, mode="reflect") for c in range(image.shape[2])
    ]
    return np.asarray(np.clip(np.stack(channels, -1), 0, 1))


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("shape", [(32, 32), (24, 30)], ids=str)
def test_same_draws_same_image_as_opencv_and_scipy(natural: Tensor, severity: int, shape: tuple[int, int]) -> None:
    images = natural[..., : shape[0], : shape[1]].contiguous()
    ours = elastic()(images, severity, torch.Generator().manual_seed(8)).permute(0, 2, 3, 1).numpy()
    number = 6 + 2 * shape[0] * shape[1] * (severity > 1)
    draws = 2 * torch.rand(16, number, generator=torch.Generator().manual_seed(8)).numpy() - 1
    pairs = zip(images.permute(0, 2, 3, 1).numpy(), draws, strict=True)
    expected = np.stack([by_opencv(image, severity, draw) for image, draw in pairs])
    # OpenCV rounds places to 1/32 pixel: 1/128 on the average, times the slope of the image.
    assert np.abs(ours - expected).mean() < 0.5 / 255
    assert np.abs(ours - expected).max() < 8 / 255


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_real_images_within_truncation(data_root: Path, severity: int) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    ours = elastic()(pixels, severity, torch.Generator().manual_seed(8)).permute(0, 2, 3, 1).numpy()
    draws = 2 * torch.rand(100, 6 + 2048 * (severity > 1), generator=torch.Generator().manual_seed(8)).numpy() - 1
    pairs = zip(images.astype(np.float32) / 255, draws, strict=True)
    published = np.stack([np.uint8(by_opencv(image, severity, draw) * 255) for image, draw in pairs])
    assert np.abs(ours * 255 - published).mean() < 1


@pytest.mark.real_data
@pytest.mark.parametrize("severity", [1, 3, 5])
def test_equals_opencv_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images, rng = cifar10_images(data_root, 200) / 255, np.random.default_rng(5)
    theirs = np.stack([by_opencv(x.astype(np.float32), severity, rng.uniform(-1, 1, 6 + 2048)) for x in images])
    ours = elastic()(torch.from_numpy(images).permute(0, 3, 1, 2), severity, generator).permute(0, 2, 3, 1).numpy()
    assert_same_distribution(ours - images, theirs - images)


def test_affine_places_by_hand() -> None:
    # All three points move by (2, -1): a shift, so a pixel comes from (x - 2, y + 1).
    places = affine_places(torch.tensor([[[2.0, -1.0]] * 3]), 8, 10)
    assert places[0, 3, 4].tolist() == pytest.approx([2, 4])
    # a = 2, centre (5, 4): points (7, 6), (7, 2), (3, 2); the first moves by (0, 4): y is stretched by 2 about y = 2.
    places = affine_places(torch.tensor([[[0.0, 4.0], [0.0, 0.0], [0.0, 0.0]]]), 8, 10)
    assert places[0, 6, 7].tolist() == pytest.approx([7, 4])
    assert places[0, 2, 3].tolist() == pytest.approx([3, 2])


def test_both_mirrors_by_hand() -> None:
    row = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3).expand(-1, -1, 3, -1)
    places = torch.tensor([[-1.0, 1.0], [-0.5, 1.0], [2.5, 1.0], [0.25, 1.0]]).view(1, 1, 4, 2)
    at_centres = sample(row, places, repeat_border=False).flatten()
    at_edges = sample(row, places, repeat_border=True).flatten()
    assert at_centres.tolist() == pytest.approx([0.5, 0.25, 0.75, 0.125], abs=1e-6)
    assert at_edges.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.125], abs=1e-6)


def test_no_move_no_change(natural: Tensor, generator: Generator) -> None:
    still = ElasticTransform(alpha=[0.0], sigma=[0.0], affine=[0.0])(natural, 1, generator)
    torch.testing.assert_close(still, natural, atol=1e-5, rtol=0)


def test_bending_grows_while_stretching_shrinks(natural: Tensor) -> None:
    bent = ElasticTransform(alpha=ALPHA[1:], sigma=SIGMA[1:], affine=[0.0] * 4)
    errors = [(bent(natural, s, torch.Generator().manual_seed(3)) - natural).square().mean().item() for s in range(5)]
    assert errors == sorted(errors)
    stretched = ElasticTransform(alpha=[0.0] * 5, sigma=SIGMA, affine=AFFINE)
    errors = [
        (stretched(natural, s, torch.Generator().manual_seed(3)) - natural).square().mean().item() for s in range(1, 6)
    ]
    assert errors == sorted(errors, reverse=True)
    assert list(elastic().parameters) == AFFINE


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"elastic_transform.sigma=\[0.1, 0.2\]: 2 values for the 1 of alpha"):
        ElasticTransform(alpha=[0.1], sigma=[0.1, 0.2], affine=[0.0])
    with pytest.raises(ValueError, match=r"elastic_transform.sigma=\[0.0\]: alpha 0.1 needs a sigma above 0"):
        ElasticTransform(alpha=[0.1], sigma=[0.0], affine=[0.0])
