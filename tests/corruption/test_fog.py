from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.fog import Fog, plasma
from tests.corruption.real_images import cifar10_images

AMPLITUDE, DECAY = [0.2, 0.5, 0.75, 1.0, 1.5], [3.0, 3.0, 2.5, 2.0, 1.75]


def one_by_one(side: int, decay: float, draws: list[float]) -> np.ndarray:
    """A height map point by point in a dictionary, from draws in [-1, 1]: centres, upper edges, left edges."""
    height, step, wibble, left = {(0, 0): 0.0}, side, 100.0, iter(draws)
    while step > 1:
        half = step // 2
        for offset in ((half, half), (0, half), (half, 0)):
            for y in range(offset[0], side, step):
                for x in range(offset[1], side, step):
                    if offset == (half, half):
                        around = [
                            (y - half, x - half),
                            (y - half, x + half),
                            (y + half, x - half),
                            (y + half, x + half),
                        ]
                    else:
                        around = [(y - half, x), (y + half, x), (y, x - half), (y, x + half)]
                    mean = sum(height[v % side, u % side] for v, u in around) / 4
                    height[y, x] = mean + wibble * wibble * next(left)
        step, wibble = half, wibble / decay
    values = np.array([[height[y, x] for x in range(side)] for y in range(side)])
    return (values - values.min()) / (values.max() - values.min())


def by_reference(images: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Images (N, 32, 32, 3) in [0, 1] with clouds from NumPy's draws."""
    amplitude, decay = AMPLITUDE[severity - 1], DECAY[severity - 1]
    clouds = np.array([one_by_one(32, decay, rng.uniform(-1, 1, 1023).tolist()) for _ in images])
    largest = images.max((1, 2, 3), keepdims=True)
    return np.clip((images + amplitude * clouds[..., None]) * largest / (largest + amplitude), 0, 1)


@pytest.mark.parametrize(("side", "decay"), [(2, 2.0), (8, 1.75), (16, 3.0), (32, 2.5)])
def test_map_equals_one_made_point_by_point(side: int, decay: float) -> None:
    maps = plasma(3, side, decay, torch.Generator().manual_seed(4))
    draws = torch.rand(3, side * side - 1, generator=torch.Generator().manual_seed(4)).double() * 2 - 1
    for found, drawn in zip(maps, draws.tolist(), strict=True):
        np.testing.assert_allclose(found.numpy(), one_by_one(side, decay, drawn), atol=1e-5)


def test_formula_by_hand() -> None:
    images = torch.full((1, 2, 4, 4), 0.5)
    images[0, 0, 0, 0] = 0.8  # M
    foggy = Fog(amplitude=[0.2], decay=[2.0])(images, 1, torch.Generator().manual_seed(4))
    cloud = plasma(1, 4, 2.0, torch.Generator().manual_seed(4))
    expected = (images + 0.2 * cloud[:, None]) * 0.8  # 0.8 / (0.8 + 0.2)
    torch.testing.assert_close(foggy, expected)


def test_images_that_are_no_power_of_two_see_the_corner(generator: Generator) -> None:
    foggy = Fog(amplitude=[1.0], decay=[2.0])(torch.ones(1, 1, 5, 7), 1, torch.Generator().manual_seed(4))
    cloud = plasma(1, 8, 2.0, torch.Generator().manual_seed(4))[:, :5, :7]
    torch.testing.assert_close(foggy[:, 0], (1 + cloud) / 2)
    single = Fog(amplitude=[1.0], decay=[2.0])(torch.ones(3, 1, 1, 1), 1, generator)
    assert ((single >= 0.5) & (single <= 1)).all()


def test_black_stays_black(generator: Generator) -> None:
    assert (Fog(amplitude=[1.0], decay=[2.0])(torch.zeros(2, 3, 8, 8), 1, generator) == 0).all()


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_the_reference_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 100) / 255
    theirs = by_reference(images, severity, np.random.default_rng(5)) - images
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    fog = Fog(amplitude=AMPLITUDE, decay=DECAY)
    ours = (fog(pixels, severity, generator) - pixels).permute(0, 2, 3, 1).numpy()
    for statistic in (lambda r: r.mean((1, 2, 3)), lambda r: (r**2).mean((1, 2, 3))):
        a, b = statistic(ours), statistic(theirs)  # one value an image, over the same images
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5
    power = [np.abs(np.fft.fft2(r.mean(-1))) ** 2 for r in (ours, theirs)]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32))) * 32
    for low, high in ((1, 2), (2, 4), (4, 8), (8, 16)):
        a, b = (p[:, (radius >= low) & (radius < high)].mean(1) for p in power)
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5


def test_distortion_grows(natural: Tensor) -> None:
    fog = Fog(amplitude=AMPLITUDE, decay=DECAY)
    errors = [(fog(natural, s, torch.Generator().manual_seed(1)) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(fog.parameters) == AMPLITUDE


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"fog.decay=\[3.0\]: 1 values for the 2 of amplitude"):
        Fog(amplitude=[0.2, 0.5], decay=[3.0])
