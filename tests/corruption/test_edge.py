from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from frequency_reg.corruption.edge import canny, chamfer_distance


@pytest.fixture
def drops() -> Tensor:
    """Patches above a threshold on black (64, 24, 30), whole numbers 0..255 as float32."""
    noise = torch.randn(64, 1, 24, 30, generator=torch.Generator().manual_seed(3))
    smooth = F.avg_pool2d(F.avg_pool2d(noise, 3, 1, 1), 3, 1, 1)[:, 0]
    level = (160 + 300 * smooth).clamp(0, 255).floor()
    return level.masked_fill(level < 170, 0)


def test_canny_equals_opencv(drops: Tensor) -> None:
    cv2 = pytest.importorskip("cv2")
    for low, high in ((50, 150), (200, 600)):
        expected = [cv2.Canny(image, low, high) > 0 for image in drops.numpy().astype(np.uint8)]
        assert 0.02 < np.mean(expected) < 0.5
        np.testing.assert_array_equal(canny(drops, low, high).numpy(), expected)


def test_canny_marks_one_line_along_a_step() -> None:
    step = torch.zeros(1, 6, 6)
    step[..., 3:] = 255
    # Sobel gives 4 x 255 in columns 2 and 3; of two equal neighbours the left one is strictly above its own left.
    expected = torch.zeros(1, 6, 6, dtype=torch.bool)
    expected[..., 2] = True
    assert torch.equal(canny(step, 50, 150), expected)
    assert not canny(step, 50, 4 * 255).any()  # no pixel above the upper threshold


def test_distances_from_one_pixel_by_hand() -> None:
    edges = torch.zeros(1, 9, 9, dtype=torch.bool)
    edges[0, 4, 4] = True
    distance = chamfer_distance(edges, 4.5)[0]
    a, b, c = 1.0, 1.4, 2.1969
    assert distance[4, 4:].tolist() == pytest.approx([0, a, 2 * a, 3 * a, 4 * a])
    assert distance[3, 4:].tolist() == pytest.approx([a, b, c, c + a, c + 2 * a])
    assert distance[2, 4:].tolist() == pytest.approx([2 * a, c, 2 * b, b + c, 2 * c])
    assert distance[0, 0].item() == pytest.approx(4.5)  # 4 b = 5.6 is beyond the limit
    torch.testing.assert_close(distance, distance.flip(0))
    torch.testing.assert_close(distance, distance.T)


def test_distance_overrates_by_at_most_two_percent() -> None:
    edges = torch.zeros(1, 41, 41, dtype=torch.bool)
    edges[0, 20, 20] = True
    distance = chamfer_distance(edges, 100.0)[0]
    for y in range(41):
        for x in range(41):
            assert distance[y, x].item() == pytest.approx(math.hypot(y - 20, x - 20), rel=0.02)


def test_distance_equals_opencv(drops: Tensor) -> None:
    cv2 = pytest.importorskip("cv2")
    edges = canny(drops, 50, 150)
    free = np.where(edges.numpy(), 0, 255).astype(np.uint8)
    expected = [np.minimum(cv2.distanceTransform(image, cv2.DIST_L2, 5), 6) for image in free]
    np.testing.assert_allclose(chamfer_distance(edges, 6.0).numpy(), expected, atol=2e-3)  # OpenCV counts in 2^-16


def test_without_edges_the_limit() -> None:
    assert (chamfer_distance(torch.zeros(2, 5, 40, dtype=torch.bool), 20.0) == 20).all()
