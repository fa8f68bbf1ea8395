from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.high_pass import HighPass
from frequency_reg.corruption.low_pass import LowPass


@pytest.mark.parametrize("side", [8, 27, 32])
@pytest.mark.parametrize("radius", [0.0, 4.0, 16.0])
def test_low_and_high_add_up_to_the_image(natural: Tensor, side: int, radius: float, generator: Generator) -> None:
    images = natural[..., :side, :side]
    low = LowPass(radius=[radius], relative_to=32.0)(images, 1, generator)
    high = HighPass(radius=[radius], relative_to=32.0, keep_mean=False)(images, 1, generator)
    torch.testing.assert_close(low + high, images, atol=1e-6, rtol=0)


@pytest.mark.parametrize("radius", [4.0, 8.0, 12.0])
def test_nothing_is_left_inside_the_disc(natural: Tensor, radius: float, generator: Generator) -> None:
    high = HighPass(radius=[radius], relative_to=None, keep_mean=False)(natural.double(), 1, generator).numpy()
    spectrum, before = np.abs(np.fft.fft2(high)), np.abs(np.fft.fft2(natural.double().numpy()))
    f = np.fft.fftfreq(32) * 32
    inside = np.hypot(f[:, None], f[None, :]) <= radius
    assert spectrum[..., inside].max() < 1e-9
    np.testing.assert_allclose(spectrum[..., ~inside], before[..., ~inside], rtol=1e-9)


def test_mean_is_removed_or_kept(natural: Tensor, generator: Generator) -> None:
    without = HighPass(radius=[4.0], relative_to=32.0, keep_mean=False)(natural, 1, generator)
    kept = HighPass(radius=[4.0], relative_to=32.0, keep_mean=True)(natural, 1, generator)
    assert without.mean((-2, -1)).abs().max() < 1e-6
    assert without.min() < 0
    torch.testing.assert_close(kept.mean((-2, -1)), natural.mean((-2, -1)))
    torch.testing.assert_close(kept - without, natural.mean((-2, -1), keepdim=True).expand_as(natural))


@pytest.mark.parametrize("keep_mean", [False, True])
def test_distortion_grows(natural: Tensor, keep_mean: bool, generator: Generator) -> None:
    high = HighPass(radius=[4.0, 8.0, 12.0, 16.0], relative_to=32.0, keep_mean=keep_mean)
    errors = [(high(natural, s, generator) - natural).square().mean().item() for s in range(5)]
    assert errors == sorted(errors)
    assert list(high.parameters) == [4.0, 8.0, 12.0, 16.0]
