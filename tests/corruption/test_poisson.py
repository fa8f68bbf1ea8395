from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator

from frequency_reg.corruption.poisson import poisson_counts


@pytest.mark.parametrize("photons", [3.0, 50.0, 500.0, 10000.0])
@pytest.mark.parametrize("x", [1 / 255, 0.5 / 255, 0.3, 100 / 255, 0.7311, 1.0], ids="{:.4f}".format)
def test_counts_have_the_poisson_distribution(photons: float, x: float, generator: Generator) -> None:
    """On the levels of 8-bit pixels (a table alone) and between them (two counts)."""
    n = 40_000
    counts = np.sort(poisson_counts(torch.full((40, 1, 10, 100), x), photons, generator).flatten().numpy())
    values = np.unique(counts)
    empirical = np.searchsorted(counts, values, side="right") / n
    # Kolmogorov: an independent sample exceeds 1.95 / sqrt(n) with a probability of 1 in 1000, a discrete one less.
    assert np.abs(empirical - stats.poisson.cdf(values, photons * x)).max() < 1.95 / n**0.5
    mean = photons * x
    assert abs(counts.mean() - mean) < 4 * (mean / n) ** 0.5
    assert counts.var() == pytest.approx(mean, rel=4 * ((2 + 1 / mean) / n) ** 0.5)


def test_neighbours_are_independent(generator: Generator) -> None:
    counts = poisson_counts(torch.full((1, 1, 200, 200), 0.31), 80.0, generator).flatten()
    assert abs(np.corrcoef(counts[1:], counts[:-1])[0, 1]) < 4 / 200


def test_black_has_no_photons(generator: Generator) -> None:
    assert (poisson_counts(torch.zeros(3, 1, 5, 5), 500.0, generator) == 0).all()


def test_tails_are_reached(generator: Generator) -> None:
    """P(k <= 70) = .00094 and P(k >= 130) = .0023 at mean 100: slots of the table that span many counts."""
    counts = poisson_counts(torch.ones(1000, 1, 20, 20), 100.0, generator)
    for share, expected in (
        ((counts <= 70).double().mean(), stats.poisson.cdf(70, 100)),
        ((counts >= 130).double().mean(), stats.poisson.sf(129, 100)),
    ):
        assert share.item() == pytest.approx(expected, abs=4 * (expected / 400_000) ** 0.5)


@pytest.mark.parametrize("photons", [500.0, 250.0, 100.0, 75.0, 50.0])
def test_the_first_and_the_last_draw_are_as_rare_as_they_come(photons: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draws 0 and 1 - 2^-24 stand for their middles: white must not turn black, as a count of 8 deviations less."""
    x = torch.tensor([0.0, 1 / 255, 51 / 255, 102 / 255, 1.0]).view(1, 1, 1, 5)
    for draw in (0.0, 1 - 2**-24):
        monkeypatch.setattr(torch, "rand", lambda n, generator, draw=draw: torch.full((n,), draw))  # noqa: ARG005
        counts = poisson_counts(x, photons, Generator()).flatten().numpy()
        np.testing.assert_array_equal(counts, stats.poisson.ppf(draw + 2**-25, x.double().flatten().numpy() * photons))
