"""Radial profiles against a naive double loop, Parseval, and values worked out by hand."""

import cmath
import math

import pytest
import torch

from frequency_reg.spectrum import power_spectral_density, radial_profile


def naive_profile(kernel: torch.Tensor) -> dict[float, tuple[int, float]]:
    """radius -> (multiplicity, mean power over ring and kernels), by the definition, with loops and cmath."""
    k = kernel.shape[-1]
    frequencies = [f if f <= (k - 1) // 2 else f - k for f in range(k)]
    rings: dict[float, list[float]] = {}
    for weights in kernel.reshape(-1, k, k).tolist():
        for fu in frequencies:
            for fv in frequencies:
                total = 0j
                for y in range(k):
                    for x in range(k):
                        total += weights[y][x] * cmath.exp(-2j * math.pi * (fu * y + fv * x) / k)
                rings.setdefault(math.sqrt(fu * fu + fv * fv), []).append(abs(total) ** 2)
    n = kernel.reshape(-1, k, k).shape[0]
    return {r: (len(powers) // n, sum(powers) / len(powers)) for r, powers in sorted(rings.items())}


@pytest.mark.parametrize("k", [1, 3, 4, 5, 7])
def test_profile_equals_naive_double_loop(k):
    kernel = torch.randn(3, 2, k, k, generator=torch.Generator().manual_seed(k), dtype=torch.float64)
    expected = naive_profile(kernel)
    profile = radial_profile(kernel)
    assert profile.radius.tolist() == pytest.approx(list(expected))
    assert profile.multiplicity.tolist() == [m for m, _ in expected.values()]
    assert profile.power.tolist() == pytest.approx([p for _, p in expected.values()], rel=1e-12)


@pytest.mark.parametrize("k", [3, 5, 7])
def test_parseval(k):
    kernel = torch.randn(8, 4, k, k, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    profile = radial_profile(kernel)
    ring_energy = (profile.power * profile.multiplicity).sum()
    assert float(ring_energy) == pytest.approx(k * k * float(kernel.square().sum()) / 32, rel=1e-12)


@pytest.mark.parametrize(
    ("k", "squared_radii", "multiplicities"),
    [(3, [0, 1, 2], [1, 4, 4]), (5, [0, 1, 2, 4, 5, 8], [1, 4, 4, 4, 8, 4])],
)
def test_rings_of_published_sizes(k, squared_radii, multiplicities):
    profile = radial_profile(torch.ones(k, k))
    assert profile.radius.square().tolist() == pytest.approx(squared_radii)
    assert profile.multiplicity.tolist() == multiplicities


def test_seven_has_ten_radii():
    assert len(radial_profile(torch.ones(7, 7)).radius) == 10


def test_constant_kernel_is_all_dc():
    profile = radial_profile(torch.full((2, 3, 3), 2.0))
    assert profile.power.tolist() == pytest.approx([18.0**2, 0, 0], abs=1e-9)


def test_impulse_is_white():
    kernel = torch.zeros(3, 3)
    kernel[1, 1] = 3.0
    assert radial_profile(kernel).power.tolist() == pytest.approx([9.0, 9.0, 9.0])


def test_horizontal_difference_by_hand():
    # rows (-1, 0, 1): F(0, f_v) is 3 rows x a sum of modulus sqrt(3) at f_v = +-1, so P = 27; P = 0 where f_u != 0
    kernel = torch.tensor([[-1.0, 0.0, 1.0]]).repeat(3, 1)
    assert radial_profile(kernel).power.tolist() == pytest.approx([0.0, 27.0 / 2, 0.0], abs=1e-6)


def test_per_kernel_keeps_leading_dimensions_and_averages_to_the_profile():
    kernel = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    each = radial_profile(kernel, per_kernel=True)
    assert each.power.shape == (4, 3, 6)
    assert torch.allclose(each.power.mean((0, 1)), radial_profile(kernel).power)


def test_power_spectral_density_of_half_precision_is_computed_in_float32():
    assert power_spectral_density(torch.ones(3, 3, dtype=torch.bfloat16)).dtype == torch.float32


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 3, 5)])
def test_refuses_kernels_that_are_not_square(shape):
    with pytest.raises(ValueError, match=r"expected square kernels of shape \(\.\.\., k, k\), got shape"):
        radial_profile(torch.ones(shape))
    with pytest.raises(ValueError, match="expected square kernels"):
        power_spectral_density(torch.ones(shape))


def test_refuses_no_kernels():
    with pytest.raises(ValueError, match="no kernel to average over"):
        radial_profile(torch.ones(0, 3, 3, 3))
