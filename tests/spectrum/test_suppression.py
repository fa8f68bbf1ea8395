"""SSR by hand: every normalization, the published numbers, and where it does not exist."""

import pytest
import torch

from frequency_reg.spectrum import (
    NORMALIZATIONS,
    RadialProfile,
    high_frequency_power,
    spectral_suppression_ratio,
    suppression,
)


def profile(*power: float, multiplicity: tuple[int, ...] = (1, 4, 4)) -> RadialProfile:
    return RadialProfile(torch.zeros(len(power)), torch.tensor(multiplicity), torch.tensor(power))


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [("dc", (3 + 5) / 2), ("total", 8 / 10), ("energy", (12 + 20) / 34), ("absolute", 32.0)],
)
def test_high_frequency_power_by_hand(normalization, expected):
    assert high_frequency_power(profile(2.0, 3.0, 5.0), normalization) == pytest.approx(expected)


def test_high_band_of_five_by_five_starts_at_the_fourth_radius():
    five = profile(1.0, 1.0, 1.0, 10.0, 20.0, 30.0, multiplicity=(1, 4, 4, 4, 8, 4))
    assert high_frequency_power(five, "dc") == pytest.approx(60.0)
    assert high_frequency_power(five, "absolute") == pytest.approx(10 * 4 + 20 * 8 + 30 * 4)


def test_published_none_row():
    # arXiv 2512.22192, conv1 without regularizer: H .289 at epoch 1, 1.563 at epoch 50; published SSR -4.463
    # (H is given to three digits, which moves the ratio in the second)
    assert suppression(0.289, 1.563) == pytest.approx(-4.463, abs=0.1)


def test_suppression_of_a_scaled_kernel_is_zero_but_for_absolute():
    kernel = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    for normalization in NORMALIZATIONS:
        expected = 1 - 0.25 if normalization == "absolute" else 0.0
        assert spectral_suppression_ratio(kernel, kernel / 2, normalization) == pytest.approx(expected, abs=1e-6)


def test_smoothing_gives_a_positive_ratio_and_sharpening_a_negative_one():
    kernel = torch.rand(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    mean = kernel.mean((-2, -1), keepdim=True)
    assert spectral_suppression_ratio(kernel, mean + 0.5 * (kernel - mean)) == pytest.approx(0.75, rel=1e-5)
    assert spectral_suppression_ratio(kernel, mean + 2.0 * (kernel - mean)) == pytest.approx(-3.0, rel=1e-5)


def test_does_not_exist_where_nothing_is_high_or_the_reference_is_zero():
    assert spectral_suppression_ratio(torch.ones(4, 4, 1, 1), torch.ones(4, 4, 1, 1)) is None
    assert high_frequency_power(profile(0.0, 1.0, 1.0), "dc") is None
    assert high_frequency_power(profile(1.0, float("nan"), 1.0), "dc") is None
    assert suppression(0.0, 1.0) is None
    assert suppression(None, 1.0) is None


def test_error_texts():
    with pytest.raises(ValueError, match="unknown normalization 'DC'; choose from dc, total, energy, absolute"):
        high_frequency_power(profile(1.0, 1.0, 1.0), "DC")
    with pytest.raises(ValueError, match="reference and current differ in shape"):
        spectral_suppression_ratio(torch.ones(1, 1, 3, 3), torch.ones(2, 1, 3, 3))
