"""Singular values of convolutions against the explicit circulant matrix, and kernels whose gain is known by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from frequency_reg.spectrum.operator import frequency_gain, operator_singular_values


def circular(kernel: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Circular convolution (cross-correlation, as torch's) by padding; odd kernels."""
    p = kernel.shape[-1] // 2
    return F.conv2d(F.pad(images, (p, p, p, p), mode="circular"), kernel)


@pytest.mark.parametrize(("out", "into", "k", "n"), [(2, 3, 3, 4), (3, 2, 3, 5), (1, 1, 5, 6), (2, 2, 1, 3)])
def test_singular_values_are_those_of_the_explicit_matrix(out, into, k, n):
    kernel = torch.randn(out, into, k, k, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    units = torch.eye(into * n * n, dtype=torch.float64).view(-1, into, n, n)
    matrix = circular(kernel, units).flatten(1).T
    half = operator_singular_values(kernel, n)
    assert half.shape == (n, n // 2 + 1, min(out, into))
    # The bins that the half-plane leaves out have the values of their conjugates.
    mirrored = [half[-u % n, n - v] for u in range(n) for v in range(n // 2 + 1, n)]
    found = torch.cat([half.flatten(), *mirrored]).sort(descending=True).values
    expected = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(found, expected[: len(found)], atol=1e-7, rtol=1e-7)


def test_identity_has_gain_one_everywhere():
    kernel = torch.zeros(3, 3, 3, 3)
    kernel[range(3), range(3), 1, 1] = 1
    gain = frequency_gain(kernel, 8)
    assert gain.largest.tolist() == pytest.approx([1.0] * len(gain.largest))
    assert gain.mean.tolist() == pytest.approx([1.0] * len(gain.mean))
    assert gain.multiplicity.sum() == 64


def test_box_blur_has_the_gain_of_its_dft():
    """Mean of 3 x 3: (1 + 2 cos 2 pi u / n)(1 + 2 cos 2 pi v / n) / 9."""
    n = 8
    gain = frequency_gain(torch.full((1, 1, 3, 3), 1 / 9), n)
    rings: dict[float, list[float]] = {}
    for u in range(-3, 5):
        for v in range(-3, 5):
            value = abs((1 + 2 * math.cos(2 * math.pi * u / n)) * (1 + 2 * math.cos(2 * math.pi * v / n)) / 9)
            rings.setdefault(math.hypot(u, v) / n, []).append(value)
    rings = dict(sorted(rings.items()))
    assert gain.frequency.tolist() == pytest.approx(list(rings))
    assert gain.multiplicity.tolist() == [len(values) for values in rings.values()]
    assert gain.largest.tolist() == pytest.approx([max(v) for v in rings.values()], abs=1e-7)
    assert gain.mean.tolist() == pytest.approx([sum(v) / len(v) for v in rings.values()], abs=1e-7)
    assert gain.largest[0] == pytest.approx(1)


def test_a_difference_stops_dc_and_doubles_nyquist():
    gain = frequency_gain(torch.tensor([[[[0.0, 0, 0], [-1, 1, 0], [0, 0, 0]]]]), 4)
    assert gain.frequency.tolist() == pytest.approx(
        [0, 0.25, math.sqrt(2) / 4, 0.5, math.sqrt(5) / 4, math.sqrt(8) / 4]
    )
    assert gain.largest[0] == pytest.approx(0, abs=1e-7)
    # |1 - e^{-2 pi i v / 4}| is sqrt 2 at v = 1 and 2 at v = 2, whatever u.
    assert gain.largest.tolist()[1:] == pytest.approx([math.sqrt(2), math.sqrt(2), 2, 2, 2])
    assert gain.mean.tolist()[1] == pytest.approx(math.sqrt(2) / 2)  # of (0, +-1) and (+-1, 0)


def test_a_sinusoid_is_amplified_by_at_most_its_gain_and_strides_do_not_change_its_amplitude():
    generator = torch.Generator().manual_seed(1)
    kernel = torch.randn(4, 3, 3, 3, dtype=torch.float64, generator=generator)
    n, u, v = 8, 1, 2
    y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    wave = torch.exp(2j * math.pi * (u * y + v * x).double() / n)
    _, singular, right = torch.linalg.svd(torch.fft.fft2(kernel, s=(n, n))[:, :, -u, -v])
    image = right[0].conj()[:, None, None] * wave
    result = torch.complex(*(circular(kernel, part[None]) for part in (image.real, image.imag)))[0]
    assert float(operator_singular_values(kernel, n)[u, v, -1]) == pytest.approx(float(singular[0]))
    for kept in (result, result[:, ::2, ::2]):
        amplitude = kept.abs().square().sum(0).sqrt()
        torch.testing.assert_close(amplitude, torch.full_like(amplitude, float(singular[0])))


def test_groups_are_pooled():
    first, second = torch.randn(2, 2, 2, 3, 3, generator=torch.Generator().manual_seed(2))
    both = frequency_gain(torch.stack([first, second]), 6)
    alone = [frequency_gain(kernel, 6) for kernel in (first, second)]
    torch.testing.assert_close(both.largest, torch.maximum(alone[0].largest, alone[1].largest))
    torch.testing.assert_close(both.mean, (alone[0].mean + alone[1].mean) / 2)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 5, 5)])
def test_kernels_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected kernels \(\.\.\., out, in, k, k\) with k <= size=4"):
        operator_singular_values(torch.zeros(shape), 4)
