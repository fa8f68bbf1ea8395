from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.resize import Resize

SIZES = [28, 24, 20, 16, 12, 10, 8]


def naive_bilinear(row: list[float], size: int) -> list[float]:
    """One row resampled with aligned pixel centres: position (j + 1/2) L / size - 1/2, edges repeated."""
    result = []
    for j in range(size):
        position = min(max((j + 0.5) * len(row) / size - 0.5, 0), len(row) - 1)
        left = int(position)
        right = min(left + 1, len(row) - 1)
        share = position - left
        result.append((1 - share) * row[left] + share * row[right])
    return result


def naive(image: np.ndarray, size: int) -> np.ndarray:
    def along_rows(plane: np.ndarray, n: int) -> np.ndarray:
        return np.array([naive_bilinear(row.tolist(), n) for row in plane])

    side = len(image)
    small = along_rows(along_rows(image, size).T, size).T
    return along_rows(along_rows(small, side).T, side).T


def test_four_pixels_by_hand(generator: Generator) -> None:
    row = [0.0, 0.4, 0.8, 1.0]
    images = torch.tensor(row).expand(1, 1, 4, 4)
    # To 2 pixels: centres at .5 and 2.5 -> means of pairs .2, .9. Back: positions -.25, .25, .75, 1.25 ->
    # .2, .75 * .2 + .25 * .9 = .375, .25 * .2 + .75 * .9 = .725, .9.
    resized = Resize(size=[2], relative_to=None, antialias=False)(images, 1, generator)
    torch.testing.assert_close(resized[0, 0, 0], torch.tensor([0.2, 0.375, 0.725, 0.9]))
    torch.testing.assert_close(resized[0, 0, 3], resized[0, 0, 0])


@pytest.mark.parametrize("severity", range(1, 8))
def test_equals_a_naive_loop(natural: Tensor, severity: int, generator: Generator) -> None:
    ours = Resize(size=SIZES, relative_to=32, antialias=False)(natural[:1], severity, generator)[0, 0]
    expected = naive(natural[0, 0].double().numpy(), SIZES[severity - 1])
    np.testing.assert_allclose(ours.numpy(), expected, atol=2e-6)


def test_without_antialias_it_aliases(generator: Generator) -> None:
    # 12 cycles in 32 pixels sampled at 16 pixels, whose Nyquist limit is 8 cycles: folded onto 16 - 12 = 4 cycles.
    wave = 0.5 + 0.5 * torch.cos(2 * torch.pi * 12 * (torch.arange(32) + 0.25) / 32)
    images = wave.expand(1, 1, 32, 32).contiguous()
    power = {}
    for antialias in (False, True):
        resized = Resize(size=[16], relative_to=None, antialias=antialias)(images, 1, generator)
        power[antialias] = torch.fft.rfft(resized[0, 0, 0]).abs()[4].item()
    assert power[False] > 2 * power[True]


@pytest.mark.parametrize(
    ("side", "expected"),
    # n L / 32 with halves up; 28 * 8 / 32 = 7, 10 * 8 / 32 = 2.5 -> 3; at L = 28: 24.5 -> 25, 10.5 -> 11, 8.75 -> 9.
    [(8, [7, 6, 5, 4, 3, 3, 2]), (28, [25, 21, 18, 14, 11, 9, 7]), (32, SIZES), (2, [1] * 7)],
)
def test_sizes_scale_with_the_image(side: int, expected: list[int], generator: Generator) -> None:
    images = torch.rand(1, 1, side, side, generator=generator)
    for severity, pixels in enumerate(expected, start=1):
        scaled = Resize(size=SIZES, relative_to=32, antialias=False)(images, severity, generator)
        direct = Resize(size=[pixels], relative_to=None, antialias=False)(images, 1, generator)
        assert torch.equal(scaled, direct)


def test_distortion_grows(natural: Tensor, generator: Generator) -> None:
    resize = Resize(size=SIZES, relative_to=32, antialias=True)
    errors = [(resize(natural, s, generator) - natural).square().mean().item() for s in range(8)]
    assert errors == sorted(errors)
    assert list(resize.parameters) == SIZES


def test_messages(generator: Generator) -> None:
    with pytest.raises(ValueError, match=r"resize.size=\[28, 32\]: sizes must be smaller than .*relative_to=32"):
        Resize(size=[28, 32], relative_to=32, antialias=False)
    with pytest.raises(ValueError, match=r"resize.size=28: the images have only 8 pixels; choose smaller sizes"):
        Resize(size=[28], relative_to=None, antialias=False)(torch.rand(1, 1, 8, 8), 1, generator)
