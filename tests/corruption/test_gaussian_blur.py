from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from scipy import ndimage
from torch import Generator, Tensor
from torchvision.transforms.functional import gaussian_blur

from frequency_reg.corruption.filter_matrix import Border
from frequency_reg.corruption.gaussian_blur import GaussianBlur

SIZES = [3, 5, 7, 9, 11]


def test_impulse_shows_the_kernel(generator: Generator) -> None:
    impulse = torch.zeros(1, 1, 7, 7)
    impulse[0, 0, 3, 3] = 1
    blurred = GaussianBlur(kernel_size=[3], sigma=[1.0], border="reflect")(impulse, 1, generator)[0, 0]
    # By hand: exp(-1/2) = .60653, sum 1 + 2 * .60653 = 2.21306, weights .27407, .45186, .27407.
    centre, side = 0.45186, 0.27407
    assert blurred[3, 3].item() == pytest.approx(centre**2, abs=1e-5)
    assert blurred[2, 3].item() == blurred[3, 4].item() == pytest.approx(centre * side, abs=1e-5)
    assert blurred[2, 2].item() == pytest.approx(side**2, abs=1e-5)
    assert blurred[1, 3].item() == 0


def test_published_rule_is_nearly_a_box_at_three(generator: Generator) -> None:
    impulse = torch.zeros(1, 1, 7, 7)
    impulse[0, 0, 3, 3] = 1
    blur = GaussianBlur(kernel_size=SIZES, sigma=None, border="reflect")
    side = math.exp(-0.5 / 1.7**2)  # sigma = .3 * 3 + .8
    assert blur(impulse, 1, generator)[0, 0, 3, 3].item() == pytest.approx(1 / (1 + 2 * side) ** 2, abs=1e-6)
    assert blur.sigma == pytest.approx([1.7, 2.3, 2.9, 3.5, 4.1])


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [8, 28, 32])
def test_equals_torchvision(natural: Tensor, severity: int, size: int, generator: Generator) -> None:
    images = natural[..., :size, :size]
    k = SIZES[severity - 1]
    expected = gaussian_blur(images, [k, k], [0.3 * k + 0.8] * 2)
    ours = GaussianBlur(kernel_size=SIZES, sigma=None, border="reflect")(images, severity, generator)
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


def test_images_too_small_to_reflect_repeat_their_edge(generator: Generator) -> None:
    row = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    w = [math.exp(-0.5 * (i / 1.0) ** 2) for i in (-2, -1, 0, 1, 2)]
    # Column 0 sees 0, 0, 0, 1, 1 under the five weights.
    expected = (w[3] + w[4]) / sum(w)
    blurred = GaussianBlur(kernel_size=[5], sigma=[1.0], border="reflect")(row, 1, generator)
    assert blurred[0, 0, 0, 0].item() == pytest.approx(expected, abs=1e-6)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    blur = GaussianBlur(kernel_size=SIZES, sigma=None, border="reflect")
    errors = [(blur(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert errors == sorted(errors)
    assert list(blur.parameters) == SIZES


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("border", ["reflect", "symmetric", "edge"])
def test_published_constants_equal_scipy(natural: Tensor, severity: int, border: Border, generator: Generator) -> None:
    """scikit-image's gaussian, which the published code calls, is this function with mode "nearest"."""
    images, sigma = natural[:4, :, :, :20], [0.4, 0.6, 0.7, 0.8, 1.0]
    blur = GaussianBlur(kernel_size=[5, 5, 7, 7, 9], sigma=sigma, border=border)
    modes: dict[Border, Literal["mirror", "reflect", "nearest"]]
    modes = {"reflect": "mirror", "symmetric": "reflect", "edge": "nearest"}
    s = sigma[severity - 1]
    expected = ndimage.gaussian_filter(images.double().numpy(), (0, 0, s, s), mode=modes[border], truncate=4)
    assert np.abs(blur(images, severity, generator).numpy() - expected).max() < 1e-6
    assert blur.parameters == sigma
    assert blur.unit == "blur σ (px)"


def test_preset_has_the_published_constants() -> None:
    preset = OmegaConf.load(Path(__file__).parents[2] / "conf" / "corruption" / "gaussian_blur_c.yaml").gaussian_blur_c
    assert preset.sigma == [0.4, 0.6, 0.7, 0.8, 1.0]
    assert preset.kernel_size == [2 * int(4 * sigma + 0.5) + 1 for sigma in preset.sigma]
    assert preset.border == "edge"


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"gaussian_blur.kernel_size=\[3, 4\]: 4 is even; choose odd sizes"):
        GaussianBlur(kernel_size=[3, 4], sigma=None, border="reflect")
    with pytest.raises(ValueError, match=r"gaussian_blur.sigma=\[1.0\]: 1 values for the 2 of kernel_size"):
        GaussianBlur(kernel_size=[3, 5], sigma=[1.0], border="reflect")
