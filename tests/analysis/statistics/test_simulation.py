"""What the statistics promise, measured on simulated sweeps whose truth is known.

Bands are the claim widened by at least 3 Monte-Carlo standard errors, sqrt(p (1 - p) / repetitions); the generator is
fixed. Figures of the docstrings in ``analysis/statistics/`` come from here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.best import best
from analysis.statistics.estimate import summarize
from analysis.statistics.multiplicity import holm
from analysis.statistics.null_position import null_position
from analysis.statistics.paired import paired_differences

Floats = npt.NDArray[np.float64]
MEAN, SD = 0.92, 0.003


def long(values: Floats) -> pd.DataFrame:
    """Rows of (groups, seeds) as columns group, seed, value."""
    group, seed = (index.ravel() for index in np.indices(values.shape))
    return pd.DataFrame({"group": group, "seed": seed, "value": values.ravel()})


def covered(result: pd.DataFrame, truth: float) -> float:
    return float(result["low"].le(truth).mul(result["high"].ge(truth)).mean())


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.normal(MEAN, SD, shape)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Accuracies with a long lower tail: a gamma of shape 2 below a ceiling, skewness -1.41."""
    return np.asarray(MEAN + SD * np.sqrt(2) - SD / np.sqrt(2) * rng.gamma(2, size=shape))


# t at n < 20, 20,000 groups: standard error .15%.
@pytest.mark.parametrize("n", [3, 5, 10])
def test_t_covers_95_percent_of_normal_means(n: int) -> None:
    result = summarize(long(normal(np.random.default_rng(n), (20_000, n))), ["group"])
    assert 0.945 < covered(result, MEAN) < 0.955


@pytest.mark.parametrize("n", [3, 5, 10])
def test_t_covers_somewhat_less_of_skewed_means_and_errs_on_the_side_of_the_tail(n: int) -> None:
    result = summarize(long(skewed(np.random.default_rng(n), (20_000, n))), ["group"])
    assert 0.905 < covered(result, MEAN) < 0.935
    assert (result["low"] > MEAN).mean() > 5 * (result["high"] < MEAN).mean()


# BCa, 2,000 groups: standard error .5%.
@pytest.mark.parametrize("n", [20, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("draw", "least"), [(normal, 0.93), (skewed, 0.92)])
def test_bca_covers_about_95_percent_from_twenty_seeds_on(
    n: int, draw: Callable[[np.random.Generator, tuple[int, int]], Floats], least: float
) -> None:
    result = summarize(long(draw(np.random.default_rng(n), (2_000, n))), ["group"])
    assert set(result["method"]) == {"bca"}
    assert least < covered(result, MEAN) < 0.965


def test_bca_is_nearer_95_percent_than_t_where_values_are_skewed() -> None:
    values = skewed(np.random.default_rng(0), (4_000, 20))
    half_width = stats.t.ppf(0.975, 19) * stats.sem(values, axis=1)
    t = float((np.abs(values.mean(axis=1) - MEAN) <= half_width).mean())
    # The same groups, so the difference is far surer than either: its standard error is below .2%.
    assert t + 0.002 < covered(summarize(long(values), ["group"]), MEAN) < 0.955


def test_the_percentile_bootstrap_covers_three_quarters_at_three_seeds() -> None:
    # A resample repeats the least of three values three times with probability 1/27 > 2.5%: the interval is the range,
    # which misses the median if all three lie on one side of it, 2 (1/2)^3 = 25%. Standard error .7%.
    values = normal(np.random.default_rng(1), (4_000, 3))
    sampled = stats.bootstrap((values,), np.mean, n_resamples=999, method="percentile", axis=-1, rng=0)
    interval = sampled.confidence_interval
    assert np.mean((interval.low <= MEAN) & (interval.high >= MEAN)) == pytest.approx(0.75, abs=0.025)


def paired_sweeps(rng: np.random.Generator, repetitions: int, shape: tuple[int, int, int]) -> tuple[Floats, Floats]:
    """Treated (repetitions, configurations, metrics, seeds) and baseline (repetitions, 1, metrics, seeds), all equal.

    Metrics of a run share most of what the run was (correlation .8), runs of a seed share the seed (.5), and every
    configuration is compared with the same baseline.
    """
    configurations, metrics, seeds = shape
    run = rng.normal(size=(repetitions, configurations + 1, 1, seeds))
    own = rng.normal(size=(repetitions, configurations + 1, metrics, seeds))
    seed = rng.normal(size=(repetitions, 1, 1, seeds))
    values = MEAN + SD * (np.sqrt(0.8) * run + np.sqrt(0.2) * own + seed)
    return values[:, 1:], values[:, :1]


@pytest.mark.parametrize("n", [3, 5, 10])
def test_paired_intervals_cover_and_effect_sizes_are_unbiased(n: int) -> None:
    # 20,000 differences: standard error .15%. Runs of a seed share the seed, which the differences are free of.
    treated, baseline = paired_sweeps(np.random.default_rng(n), 20_000, (1, 1, n))
    shift = 0.5 * SD * np.sqrt(2)  # half a standard deviation of the differences
    result = paired_differences(long(treated[:, 0, 0] + shift), long(baseline[:, 0, 0]), ["group"])
    assert 0.945 < covered(result, shift) < 0.955
    assert 0.945 < result["g_low"].le(0.5).mul(result["g_high"].ge(0.5)).mean() < 0.955
    if n > 3:  # at 3, 2 degrees of freedom, g has no variance and its average does not settle
        assert result["hedges_g"].mean() == pytest.approx(0.5, abs=0.03)


# 2,000 sweeps: standard error .4%.
@pytest.mark.parametrize("n", [3, pytest.param(5, marks=pytest.mark.slow)])
def test_holm_holds_the_family_wise_error_with_a_shared_baseline_and_correlated_metrics(n: int) -> None:
    shape, repetitions = (4, 5, n), 2_000
    treated, baseline = paired_sweeps(np.random.default_rng(n), repetitions, shape)
    tests = (repetitions * 20, n)
    shared = np.broadcast_to(baseline, treated.shape).reshape(tests)
    p = paired_differences(long(treated.reshape(tests)), long(shared), ["group"])["p"].to_numpy().reshape(-1, 20)
    assert (p < 0.05).any(axis=1).mean() > 0.2  # what the correction is for
    assert np.mean([(holm(pd.Series(family)) < 0.05).any() for family in p]) <= 0.06


def marks(values: Floats) -> npt.NDArray[np.str_]:
    return best(long(values), ["group"]).to_numpy(dtype=str)


# At 5%, 500 tables have a standard error of 1%, 5,000 one of .3%.
@pytest.mark.parametrize(
    ("tables", "most"), [(500, 0.08), pytest.param(5_000, 0.06, marks=pytest.mark.slow, id="many")]
)
@pytest.mark.parametrize(("groups", "n"), [(3, 3), (10, 5)])
def test_equal_groups_are_rarely_marked(groups: int, n: int, tables: int, most: float) -> None:
    rng = np.random.default_rng(groups)
    values = rng.normal(MEAN, SD, (tables, groups, n)) + rng.normal(0, SD, (tables, 1, n))
    assert np.mean([(marks(table) != "").any() for table in values]) <= most


def test_comparing_with_the_observed_best_alone_would_mark_equal_groups_too_often() -> None:
    values = np.random.default_rng(2).normal(size=(4_000, 10, 5))
    order = values.mean(axis=2).argsort(axis=1)
    ranked = np.take_along_axis(values, order[:, :, None], axis=1)
    p = stats.ttest_rel(ranked[:, -1:], ranked[:, :-1], axis=2).pvalue
    assert (p.min(axis=1) * 9 < 0.05).mean() > 0.09  # Holm's first step over nine comparisons; standard error .5%


def test_one_of_several_truly_best_groups_is_rarely_left_out_beside_worse_ones() -> None:
    # Four equal best groups with unequal spreads, four that are far lower: marks there are, and right ones.
    rng = np.random.default_rng(3)
    spread, shift = SD * np.array([1, 1, 2, 4, 1, 1, 2, 4]), np.repeat([0.0, -0.5], 4)
    tables = MEAN + shift[:, None] + spread[:, None] * rng.normal(size=(500, 8, 5))
    found = np.array([marks(table) for table in tables])
    assert np.isin(found[:, 4:], ["best", "tied"]).any(axis=1).mean() <= 0.08
    assert (found[:, :4] == "").any(axis=1).mean() <= 0.08
    assert (found == "tied").any(axis=1).mean() > 0.9


def test_a_group_that_is_far_better_is_best() -> None:
    rng = np.random.default_rng(4)
    shift = np.array([0.0, 0.0, 0.0, 0.0, 20 * SD])
    tables = MEAN + shift[:, None] + rng.normal(0, SD, (100, 5, 5))
    found = np.array([marks(table) for table in tables])
    assert (found[:, 4] == "best").mean() > 0.9


# 20,000 values: standard error .15%.
@pytest.mark.parametrize(("draws", "rate"), [(20, 0.0), (39, 0.05), (199, 0.05)])
def test_values_from_the_null_stand_outside_it_as_often_as_stated(draws: int, rate: float) -> None:
    values = np.random.default_rng(draws).gamma(2, size=(20_000, draws + 1))
    p = null_position(values[:, 0], values[:, 1:])
    assert (p <= 0.05).mean() == pytest.approx(rate, abs=0.006)
    assert (p <= 0.5).mean() <= 0.51
