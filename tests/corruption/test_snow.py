from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Generator, Tensor

from frequency_reg.corruption import snow as module
from frequency_reg.corruption.snow import Snow, enlargement
from tests.corruption.real_images import cifar10_images
from tests.corruption.smeared_by_loop import smeared_by_loop

CONSTANTS = {
    "noise_mean": [0.1, 0.1, 0.15, 0.25, 0.3],
    "noise_deviation": [0.2, 0.2, 0.3, 0.3, 0.3],
    "zoom": [1.0, 1.0, 1.75, 2.25, 1.25],
    "threshold": [0.6, 0.5, 0.55, 0.6, 0.65],
    "radius": [8.0, 10.0, 10.0, 12.0, 14.0],
    "sigma": [3.0, 4.0, 4.0, 6.0, 12.0],
    "keep": [0.95, 0.9, 0.9, 0.85, 0.8],
}


def snow(**changes: object) -> Snow:
    return Snow(**{**CONSTANTS, "relative_to": 32.0, **changes})  # type: ignore[arg-type]


def enlarged_by_scipy(field: np.ndarray, zoom: float) -> np.ndarray:
    """The middle of a field (32, 32) enlarged to (32, 32)."""
    side = math.ceil(32 / zoom)
    top = (32 - side) // 2
    large = ndimage.zoom(field[top : top + side, top : top + side], zoom, order=1)
    trim = (len(large) - 32) // 2
    return large[trim : trim + 32, trim : trim + 32]


def by_reference(images: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Images (N, 32, 32, 3) in [0, 1], one by one, with noise from NumPy."""
    mean, deviation, zoom, threshold, radius, sigma, keep = (values[severity - 1] for values in CONSTANTS.values())
    result = []
    for image in images:
        layer = enlarged_by_scipy(rng.normal(mean, deviation, (32, 32)), zoom)
        layer = np.clip(np.where(layer < threshold, 0, layer), 0, 1)
        flakes = smeared_by_loop(layer, 2 * int(radius) + 1, sigma, rng.uniform(-135, -45))[..., None]
        grey = (image @ [0.299, 0.587, 0.114])[..., None]
        white = keep * image + (1 - keep) * np.maximum(image, 1.5 * grey + 0.5)
        result.append(np.clip(white + flakes + np.rot90(flakes, 2), 0, 1))
    return np.array(result)


@pytest.mark.parametrize("zoom", [1.0, 1.25, 1.75, 2.25, 3.0])
def test_enlargement_equals_scipy(natural: Tensor, zoom: float) -> None:
    matrix = enlargement(32, zoom).numpy()
    field = natural[0, 0].numpy()
    side, top = matrix.shape[1], (32 - matrix.shape[1]) // 2
    middle = field[top : top + side, top : top + side]
    np.testing.assert_allclose(matrix @ middle @ matrix.T, enlarged_by_scipy(field, zoom), atol=1e-6)


def test_without_flakes_the_image_is_whitened_by_hand(generator: Generator) -> None:
    clear = snow(threshold=[9.0] * 5)
    images = torch.tensor([0.2, 0.4, 0.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    # g = .0598 + .2348 = .2946, 1.5 g + .5 = .9419: above every channel.
    expected = 0.8 * images + 0.2 * 0.9419
    torch.testing.assert_close(clear(images, 5, generator), expected, atol=1e-5, rtol=0)
    grey = torch.full((1, 1, 4, 4), 0.2)
    torch.testing.assert_close(clear(grey, 5, generator), torch.full((1, 1, 4, 4), 0.8 * 0.2 + 0.2 * 0.8))


def test_flakes_are_the_same_turned_by_180_degrees_and_in_every_channel(generator: Generator) -> None:
    black = torch.zeros(8, 3, 32, 32)
    flakes = snow(keep=[1.0] * 5)(black, 4, generator)
    assert flakes.amax() > 0.2
    torch.testing.assert_close(flakes, flakes.flip(-2, -1))
    assert torch.equal(flakes[:, 0], flakes[:, 2])


def test_angles_are_uniform(monkeypatch: pytest.MonkeyPatch, generator: Generator) -> None:
    seen: list[Tensor] = []

    def record(layers: Tensor, weights: Tensor, angles: Tensor) -> Tensor:
        assert len(weights) == 25
        assert weights[6] / weights[0] == pytest.approx(math.exp(-0.5))
        seen.append(angles.rad2deg())
        return layers

    monkeypatch.setattr(module, "smear", record)
    snow(relative_to=None)(torch.zeros(20000, 1, 4, 4), 4, generator)
    counts = torch.histc(torch.cat(seen), 9, -135, -45)
    assert counts.sum() == 20000
    assert (counts - 20000 / 9).abs().max() < 4 * (20000 / 9) ** 0.5


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_the_reference_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 200) / 255
    theirs = by_reference(images, severity, np.random.default_rng(5)) - images
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    ours = (snow()(pixels, severity, generator) - pixels).permute(0, 2, 3, 1).numpy()
    for statistic in (lambda r: r.mean((1, 2, 3)), lambda r: (r**2).mean((1, 2, 3))):
        a, b = statistic(ours), statistic(theirs)  # one value an image, over the same images
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5
    power = [np.abs(np.fft.fft2(r.mean(-1))) ** 2 for r in (ours, theirs)]
    v, u = np.abs(np.fft.fftfreq(32) * 32)[:, None], np.abs(np.fft.fftfreq(32) * 32)[None]
    for band in ((v < 4) & (u >= 4), (v >= 4) & (u < 4), (v >= 4) & (u >= 4)):  # streaks are not round
        a, b = (p[:, band].mean(1) for p in power)
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5


def test_lengths_scale_with_the_image() -> None:
    images = torch.full((2, 1, 64, 64), 0.2)
    twice = {name: [2 * value for value in CONSTANTS[name]] for name in ("zoom", "radius", "sigma")}
    scaled = snow()(images, 4, torch.Generator().manual_seed(1))
    assert torch.equal(scaled, snow(**twice, relative_to=None)(images, 4, torch.Generator().manual_seed(1)))


def test_distortion_grows(natural: Tensor) -> None:
    errors = [(snow()(natural, s, torch.Generator().manual_seed(1)) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(snow().parameters) == CONSTANTS["keep"]


def test_messages() -> None:
    with pytest.raises(
        ValueError, match=r"snow.zoom=\[1.0\]: 1 values for the 5 of noise_mean; give one value a severity"
    ):
        snow(zoom=[1.0])
