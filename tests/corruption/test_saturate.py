from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.saturate import Saturate
from tests.corruption.real_images import cifar10_images

SCALE, SHIFT = [0.3, 0.1, 1.5, 2.0, 2.5], [0.0, 0.0, 0.0, 0.1, 0.2]


def by_skimage(image: np.ndarray, severity: int) -> np.ndarray:
    """One image (H, W, 3) in [0, 1], through HSV and back."""
    color = pytest.importorskip("skimage.color")
    hsv = color.rgb2hsv(image)
    hsv[..., 1] = np.clip(hsv[..., 1] * SCALE[severity - 1] + SHIFT[severity - 1], 0, 1)
    return color.hsv2rgb(hsv)


@pytest.mark.parametrize(
    ("scale", "shift", "pixel", "expected"),
    [
        # V .4, S .75 -> .225: what is missing to V shrinks to .3 of itself.
        (0.3, 0.0, (0.2, 0.4, 0.1), (0.34, 0.4, 0.31)),
        # S .75 -> 1, clipped: missing .3 and .2 grow by 4/3 to .4 and .2667.
        (2.0, 0.0, (0.2, 0.4, 0.1), (0.4 - 0.8 / 3, 0.4, 0.0)),
        (2.0, 0.2, (0.5, 0.5, 0.5), (0.5, 0.4, 0.4)),  # grey counts as red
        (2.0, 0.2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        (2.0, 0.0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_one_pixel_by_hand(
    scale: float, shift: float, pixel: tuple[float, ...], expected: tuple[float, ...], generator: Generator
) -> None:
    changed = Saturate(scale=[scale], shift=[shift])(torch.tensor(pixel).view(1, 3, 1, 1), 1, generator)
    torch.testing.assert_close(changed.flatten(), torch.tensor(expected))


def test_grey_images_are_averaged_over_their_tint(generator: Generator) -> None:
    grey = torch.full((1, 1, 2, 2), 0.6)
    tinted = Saturate(scale=[2.0], shift=[0.1])(grey, 1, generator)
    rgb = Saturate(scale=[2.0], shift=[0.1])(grey.expand(1, 3, 2, 2), 1, generator)  # .6, .54, .54
    torch.testing.assert_close(tinted, torch.full((1, 1, 2, 2), 0.56))
    torch.testing.assert_close(rgb.mean(1, keepdim=True), tinted)
    assert torch.equal(Saturate(scale=[2.0], shift=[0.0])(grey, 1, generator), grey)


@pytest.mark.parametrize("severity", range(1, 6))
def test_equals_a_way_through_hsv(natural: Tensor, severity: int, generator: Generator) -> None:
    images = natural.double()
    images[:, :, :4] = images[:, :1, :4]  # some grey rows
    ours = Saturate(scale=SCALE, shift=SHIFT)(images, severity, generator).permute(0, 2, 3, 1).numpy()
    expected = [by_skimage(image, severity) for image in images.permute(0, 2, 3, 1).numpy()]
    np.testing.assert_allclose(ours, expected, atol=1e-9)


@pytest.mark.real_data
def test_real_images_within_truncation(data_root: Path, generator: Generator) -> None:
    images = cifar10_images(data_root, 100)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    for severity in range(1, 6):
        ours = Saturate(scale=SCALE, shift=SHIFT)(pixels, severity, generator).permute(0, 2, 3, 1).numpy() * 255
        published = np.uint8([by_skimage(image, severity) * 255 for image in images / 255])
        assert np.abs(ours - published).mean() < 1


def test_distortion_grows_on_either_side_of_no_change(natural: Tensor, generator: Generator) -> None:
    saturate = Saturate(scale=SCALE, shift=SHIFT)
    errors = [(saturate(natural, s, generator) - natural).square().mean().item() for s in range(6)]
    assert 0 == errors[0] < errors[1] < errors[2]  # paler
    assert 0 < errors[3] < errors[4] < errors[5]  # stronger
    assert list(saturate.parameters) == SCALE


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"saturate.shift=\[0.0\]: 1 values for the 2 of scale"):
        Saturate(scale=[0.3, 0.1], shift=[0.0])
