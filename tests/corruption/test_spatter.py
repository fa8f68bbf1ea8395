from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.spatter import Spatter, blurred, equalised, mud_thickness, water_thickness
from tests.corruption.real_images import cifar10_images

CONSTANTS = {
    "noise_mean": [0.62, 0.65, 0.65, 0.65, 0.65],
    "noise_deviation": [0.1, 0.1, 0.3, 0.1, 0.1],
    "sigma": [0.7, 0.8, 1.0, 0.7, 0.5],
    "threshold": [0.7, 0.7, 0.69, 0.69, 0.68],
    "strength": [0.5, 0.5, 0.5, 0.6, 0.6],
    "mud": [False, False, False, True, True],
}


def spatter() -> Spatter:
    return Spatter(**CONSTANTS, relative_to=32.0)  # type: ignore[arg-type]


def water_by_opencv(liquid: np.ndarray, threshold: float) -> np.ndarray:
    """Thickness of one layer (H, W), step by step with OpenCV."""
    cv2 = pytest.importorskip("cv2")
    level = (np.where(liquid < threshold, 0, np.clip(liquid, 0, 1)) * 255).astype(np.uint8)
    distance = cv2.distanceTransform(255 - cv2.Canny(level, 50, 150), cv2.DIST_L2, 5)
    shading = cv2.equalizeHist(cv2.blur(np.minimum(distance, 20), (3, 3)).astype(np.uint8))
    shading = cv2.filter2D(shading, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.float32))
    water = level * cv2.blur(shading, (3, 3)).astype(np.float32)
    return water / max(water.max(), 1)


def by_reference(images: np.ndarray, severity: int, rng: np.random.Generator) -> np.ndarray:
    """Images (N, 32, 32, 3) in [0, 1], one by one, with noise from NumPy."""
    gaussian = pytest.importorskip("skimage.filters").gaussian
    mean, deviation, sigma, threshold, strength, mud = (values[severity - 1] for values in CONSTANTS.values())
    result = []
    for image in images:
        liquid = gaussian(rng.normal(mean, deviation, (32, 32)), sigma=sigma)
        if mud:
            t = gaussian((liquid > threshold).astype(np.float64), sigma=strength)[..., None]
            t[t < 0.8] = 0
            result.append(image * (1 - t) + t * np.array([63, 42, 20]) / 255)
        else:
            t = strength * water_by_opencv(liquid, threshold)[..., None]
            result.append(np.clip(image + t * np.array([175, 238, 238]) / 255, 0, 1))
    return np.array(result)


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.0])
def test_blur_equals_scikit_image(natural: Tensor, sigma: float) -> None:
    gaussian = pytest.importorskip("skimage.filters").gaussian
    layers = natural[:, 0].double()
    np.testing.assert_allclose(blurred(layers, sigma), [gaussian(layer, sigma=sigma) for layer in layers], atol=1e-9)


def test_histogram_by_hand() -> None:
    # Four pixels: the least value goes to 0, the next 255 x 1/3 and then 255 x 3/3.
    images = torch.tensor([[[5.0, 9.0], [200.0, 200.0]], [[7.0, 7.0], [7.0, 7.0]]])
    assert equalised(images).tolist() == [[[0, 85], [255, 255]], [[7, 7], [7, 7]]]


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_water_equals_opencv(severity: int, generator: Generator) -> None:
    mean, deviation, sigma, threshold = (values[severity - 1] for values in list(CONSTANTS.values())[:4])
    liquid = blurred(mean + deviation * torch.randn(100, 32, 32, generator=generator), sigma)
    ours = water_thickness(liquid, threshold, 20.0).numpy()
    expected = np.array([water_by_opencv(layer, threshold) for layer in liquid.numpy()])
    assert expected.mean() > 0.003
    # Canny and the histogram jump: rounding elsewhere may turn one of the images over, no more.
    assert (np.abs(ours - expected).max((1, 2)) > 1e-5).sum() <= 1


def test_mud_by_hand() -> None:
    liquid = torch.zeros(1, 9, 9)
    liquid[0, 2:7, 2:7] = 1
    t = mud_thickness(liquid, 0.5, 0.6)[0]
    w = np.exp(-0.5 * (np.arange(-2, 3) / 0.6) ** 2)
    w /= w.sum()
    inner, rim = w[1:].sum(), w[2:].sum()  # along one direction: one pixel within the outline, on its rim
    assert t[4, 4].item() == pytest.approx(1)
    assert t[3, 3].item() == pytest.approx(inner**2, abs=1e-6)
    assert t[2, 4].item() == pytest.approx(rim, abs=1e-6)  # .832
    assert t[2, 2].item() == 0  # rim^2 = .692
    assert t[1, 4].item() == 0  # 1 - rim


def test_colours_on_black_and_their_luma_on_grey() -> None:
    black = torch.zeros(64, 3, 32, 32)
    water = spatter()(black, 3, torch.Generator().manual_seed(1))
    thickest = water.amax((0, 2, 3))
    torch.testing.assert_close(thickest, 0.5 * torch.tensor([175.0, 238.0, 238.0]) / 255)
    flood = Spatter(**{**CONSTANTS, "noise_mean": [5.0] * 5}, relative_to=32.0)  # type: ignore[arg-type]
    mud = flood(black + 1, 5, torch.Generator().manual_seed(1))[0, :, 0, 0]
    torch.testing.assert_close(mud, torch.tensor([63.0, 42.0, 20.0]) / 255)
    grey = spatter()(black[:, :1], 3, torch.Generator().manual_seed(1))
    luma = 0.299 * water[:, 0] + 0.587 * water[:, 1] + 0.114 * water[:, 2]
    torch.testing.assert_close(grey[:, 0], luma)


def test_an_image_without_drops_stays(generator: Generator) -> None:
    dry = Spatter(**{**CONSTANTS, "threshold": [5.0] * 5}, relative_to=32.0)  # type: ignore[arg-type]
    images = torch.rand(4, 3, 32, 32, generator=generator)
    for severity in range(1, 6):
        assert torch.equal(dry(images, severity, generator), images)


@pytest.mark.parametrize("severity", [3, 5])
def test_small_images_average_a_finer_grid(severity: int) -> None:
    small = spatter()(torch.zeros(4, 1, 8, 8), severity, torch.Generator().manual_seed(1))
    fine = spatter()(torch.zeros(4, 1, 32, 32), severity, torch.Generator().manual_seed(1))
    torch.testing.assert_close(small, fine.view(4, 1, 8, 4, 8, 4).mean((3, 5)))


@pytest.mark.parametrize("severity", range(1, 6))
def test_as_much_is_covered_at_other_sizes(severity: int) -> None:
    # Mud darkens white, water lights black.
    light = 1.0 if CONSTANTS["mud"][severity - 1] else 0.0
    changes = []
    for n, side in ((300, 32), (300, 20), (48, 80)):
        images = torch.full((n, 1, side, side), light)
        corrupted = spatter()(images, severity, torch.Generator().manual_seed(1))
        changes.append((corrupted - images).abs().mean().item())
    published, small, large = changes
    # Without care for the noise's deviation large images keep a third or less, and without the finer grid small ones
    # get four times as much mud.
    assert 0.7 * published < small < 1.4 * published
    assert 0.6 * published < large < 1.8 * published


@pytest.mark.real_data
@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_the_reference_in_distribution(data_root: Path, severity: int, generator: Generator) -> None:
    images = cifar10_images(data_root, 300) / 255
    theirs = by_reference(images, severity, np.random.default_rng(5)) - images
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    ours = (spatter()(pixels, severity, generator) - pixels).permute(0, 2, 3, 1).numpy()
    for statistic in (lambda r: r.mean((1, 2, 3)), lambda r: (r**2).mean((1, 2, 3))):
        a, b = statistic(ours), statistic(theirs)  # one value an image, over the same images
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5
    power = [np.abs(np.fft.fft2(r.mean(-1))) ** 2 for r in (ours, theirs)]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32))) * 32
    for low, high in ((1, 4), (4, 8), (8, 16)):
        a, b = (p[:, (radius >= low) & (radius < high)].mean(1) for p in power)
        assert abs((a - b).mean()) < 4 * (a - b).std() / len(a) ** 0.5


def test_distortion_grows(natural: Tensor) -> None:
    errors = [
        (spatter()(natural, s, torch.Generator().manual_seed(1)) - natural).square().mean().item() for s in range(6)
    ]
    assert 0 == errors[0] < errors[1] < errors[2] < errors[3]  # water
    assert 0 < errors[4] < errors[5]  # mud
    assert list(spatter().parameters) == [1, 2, 3, 4, 5]


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"spatter.mud=\[True\]: 1 values for the 5 of noise_mean"):
        Spatter(**{**CONSTANTS, "mud": [True]}, relative_to=None)  # type: ignore[arg-type]
