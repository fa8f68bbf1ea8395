from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.low_pass import LowPass


def wave(v: int, u: int, height: int = 32, width: int = 32) -> Tensor:
    """1/2 + cos/4 with v cycles down and u cycles across, (1, 1, height, width)."""
    y, x = torch.arange(height)[:, None] / height, torch.arange(width)[None, :] / width
    return (0.5 + 0.25 * torch.cos(2 * torch.pi * (v * y + u * x))).view(1, 1, height, width)


@pytest.mark.parametrize(
    ("v", "u", "kept"),
    [(0, 8, True), (0, 9, False), (8, 0, True), (-3, 7, True), (6, 6, False), (5, -6, True), (0, 16, False)],
)
def test_wave_inside_stays_and_outside_goes(v: int, u: int, kept: bool, generator: Generator) -> None:
    images = wave(v, u)
    filtered = LowPass(radius=[8.0], relative_to=None)(images, 1, generator)
    torch.testing.assert_close(filtered, images if kept else torch.full_like(images, 0.5))


def test_the_circle_itself_is_inside(generator: Generator) -> None:
    for side in (16, 28, 30):  # 3-4-5: radius exactly 5, whatever 1/side rounds to
        images = wave(3, 4, side, side)
        torch.testing.assert_close(LowPass(radius=[5.0], relative_to=None)(images, 1, generator), images)


@pytest.mark.parametrize("side", [8, 27, 28, 32])
@pytest.mark.parametrize("radius", [0.0, 4.0, 12.0, 16.0])
def test_equals_a_full_complex_fft(natural: Tensor, side: int, radius: float, generator: Generator) -> None:
    images = natural[..., :side, :side]
    f = np.fft.fftfreq(side) * side
    disc = f[:, None] ** 2 + f[None, :] ** 2 <= (radius * side / 32) ** 2 + 1e-9
    expected = np.fft.ifft2(np.fft.fft2(images.double().numpy()) * disc)
    assert np.abs(expected.imag).max() < 1e-12  # the disc treats f and -f alike, Nyquist included
    ours = LowPass(radius=[radius], relative_to=32.0)(images, 1, generator)
    np.testing.assert_allclose(ours.numpy(), expected.real, atol=1e-5)


def test_shorter_side_sets_the_unit(generator: Generator) -> None:
    # 16 x 32 pixels: 4 cycles per 16 pixels are 4 cycles down or 8 cycles across.
    filtering = LowPass(radius=[4.0], relative_to=None)
    for v, u, kept in [(4, 0, True), (5, 0, False), (0, 8, True), (0, 9, False)]:
        images = wave(v, u, 16, 32)
        expected = images if kept else torch.full_like(images, 0.5)
        torch.testing.assert_close(filtering(images, 1, generator), expected)


def test_result_is_unclipped(generator: Generator) -> None:
    step = torch.zeros(1, 1, 32, 32)
    step[..., 16:] = 1
    ringing = LowPass(radius=[8.0], relative_to=None)(step, 1, generator)
    assert ringing.min() < -0.01
    assert ringing.max() > 1.01


def test_half_precision_is_filtered_and_kept(natural: Tensor, generator: Generator) -> None:
    low = LowPass(radius=[8.0], relative_to=32.0)
    half = low(natural.bfloat16(), 1, generator)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), low(natural, 1, generator), atol=0.01, rtol=0)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    low = LowPass(radius=[16.0, 12.0, 8.0, 4.0], relative_to=32.0)
    errors = [(low(natural, s, generator) - natural).square().mean().item() for s in range(5)]
    assert errors == sorted(errors)
    assert list(low.parameters) == [16.0, 12.0, 8.0, 4.0]
