"""Bands of known spectra, and a model that lives in one band."""

import math

import pytest
import torch

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.band_importance import BandImportance, equal_energy_bands, mean_spectrum
from tests.diagnostic.linear import ask, random_split, table, two_classes


def wave(fy: int, fx: int) -> torch.Tensor:
    """cos of (fy, fx) cycles on 8 x 8."""
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    return torch.cos(2 * math.pi * (fy * y + fx * x) / 8)


def test_mean_spectrum_by_numpy_lines():
    split = random_split(5, (3, 6, 8), 2)
    for energy, power in (("power", 2), ("magnitude", 1)):
        expected = torch.fft.fft2(split.images.double() / 255).abs().pow(power).mean((0, 1))
        expected[0, 0] = 0
        found = mean_spectrum(split.images, energy, batch_size=2)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_flat_spectrum_gives_bands_of_equal_bins():
    """8 x 8 without DC: 63 bins on the squared radii 1 (4), 2 (4), 4 (4), 5 (8), 8 (4), 9 (4), 10 (8), 13 (8), 16 (2),
    17 (4), 18 (4), 20 (4), 25 (4), 32 (1). Three bands of 21: 20 bins up to 5 are nearer than 24 up to 8. Two of the 43
    left, 21.5 each: 24 up to 13 are nearer than 16 up to 10. The last takes 19.
    """
    spectrum = torch.ones(8, 8, dtype=torch.float64)
    spectrum[0, 0] = 0
    bands = equal_energy_bands(spectrum, 3)
    assert [int(band.mask.sum()) for band in bands] == [20, 24, 19]
    assert [band.energy for band in bands] == pytest.approx([20 / 63, 24 / 63, 19 / 63])
    edges = [(band.radius_from**2, band.radius_to**2) for band in bands]
    assert edges == [pytest.approx((1, 5)), pytest.approx((8, 13)), pytest.approx((16, 32))]


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (32, 32)])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_bands_cover_all_but_dc_once(shape, count):
    spectrum = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    spectrum[0, 0] = 0
    bands = equal_energy_bands(spectrum, count)
    covered = torch.stack([band.mask for band in bands]).sum(0)
    assert covered[0, 0] == 0
    assert covered.sum() == covered.numel() - 1
    assert covered.max() == 1
    for band in bands:
        assert band.energy == pytest.approx(float(spectrum[band.mask].sum() / spectrum.sum()))


def test_one_dominant_ring_leaves_a_ring_for_every_band():
    spectrum = torch.full((8, 8), 1e-9, dtype=torch.float64)
    spectrum[0, 0], spectrum[0, 1], spectrum[0, 7] = 0, 1, 1
    bands = equal_energy_bands(spectrum, 14)
    assert len(bands) == 14
    assert all(band.mask.any() for band in bands)
    assert (bands[0].radius_from, bands[0].radius_to) == (1, 1)


def test_too_many_bands_say_how_many_there_are():
    with pytest.raises(ValueError, match=r"bands=15: 8 x 8 images have only 14 radii; choose at most 14"):
        equal_energy_bands(torch.ones(8, 8, dtype=torch.float64), 15)


def test_removing_or_keeping_the_one_band_that_matters():
    """Labels are the sign of a wave of 3 cycles beside a louder one of 1 cycle; the model looks at 3 cycles alone."""
    labels = torch.arange(40) % 2
    signs = (2.0 * labels - 1)[:, None, None]
    images = (127.5 + 60 * wave(0, 1) + 30 * signs * wave(0, 3)).round().to(torch.uint8)[:, None]
    model = two_classes(wave(0, 3)[None], -1e-3)  # without its band: just below 0, class 0
    rows = table(
        BandImportance(bands=2, energy="power", images=None), ask(model, Split(images, labels)), "band_importance"
    )
    found = {(row["band"], row["operation"]): (row["accuracy"], row["drop"]) for row in rows}
    assert found == {
        (0, "remove"): (1.0, 0.0),
        (0, "keep"): (0.5, 0.5),
        (1, "remove"): (0.5, 0.5),
        (1, "keep"): (1.0, 0.0),
    }
    assert [row["energy"] for row in rows if row["operation"] == "keep"] == pytest.approx([0.8, 0.2], abs=0.01)


def test_channel_means_are_always_kept_and_nothing_is_clipped():
    """A model of the mean pixel: no band changes its losses."""
    model = two_classes(torch.full((1, 8, 8), 1 / 64), -0.5)
    split = random_split(20, (1, 8, 8), 2)
    question = ask(model, split)
    _, clean = question.outcomes(split.images / 255, split.labels)
    rows = table(BandImportance(bands=4, energy="magnitude", images=None), question, "band_importance")
    assert [row["loss"] for row in rows] == pytest.approx([clean.mean().item()] * 8, rel=1e-5)
