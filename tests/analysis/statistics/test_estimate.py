"""Means and intervals over seeds against values worked out by hand or by scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.estimate import over_seeds, summarize
from tests.analysis.statistics.seeds import frame, groups


def test_interval_by_hand() -> None:
    # 1, 2, 3: mean 2, sd 1, t(.975, 2) = 4.302653; half-width 4.302653 / sqrt(3) = 2.484138
    row = summarize(frame([1.0, 2.0, 3.0]), ["group"]).iloc[0]
    assert row["mean"] == 2.0
    assert row["sd"] == 1.0
    assert row["n"] == 3
    assert row["half_width"] == pytest.approx(2.484138, abs=1e-6)
    assert row["low"] == pytest.approx(-0.484138, abs=1e-6)
    assert row["high"] == pytest.approx(4.484138, abs=1e-6)


def test_two_values_by_hand() -> None:
    # sd of 0 and 2 is sqrt(2); t(.975, 1) = 12.706205; half-width 12.706205 * sqrt(2) / sqrt(2)
    assert summarize(frame([0.0, 2.0]), ["group"])["half_width"][0] == pytest.approx(12.706205, abs=1e-6)


def test_one_value_has_a_mean_but_no_interval() -> None:
    row = summarize(frame([5.0]), ["group"]).iloc[0]
    assert (row["mean"], row["n"]) == (5.0, 1)
    assert row[["half_width", "low", "high", "sd"]].isna().all()


def test_missing_values_stay_missing_and_do_not_count() -> None:
    row = summarize(frame([1.0, None, 3.0]), ["group"]).iloc[0]
    assert (row["mean"], row["n"]) == (2.0, 2)
    empty = summarize(frame([None, None]), ["group"]).iloc[0]
    assert empty["n"] == 0
    assert np.isnan(empty["mean"])


def test_a_repeated_seed_is_no_replication() -> None:
    repeated = pd.DataFrame({"group": "a", "seed": ["0", "0", "1"], "value": [1.0, 3.0, 4.0]})
    row = over_seeds(repeated, ["group"]).iloc[0]
    assert (row["mean"], row["n"]) == (3.0, 2)


# From 20 seeds on: BCa bootstrap.


def test_from_twenty_values_on_the_interval_is_scipys_bca_at_the_expanded_level() -> None:
    values = 0.9 - np.random.default_rng(3).gamma(2, 0.01, 24)
    row = summarize(frame(values.tolist()), ["group"]).iloc[0]
    level = 2 * stats.norm.cdf(stats.t.ppf(0.975, 23) * np.sqrt(24 / 23)) - 1
    sampled = stats.bootstrap((values,), np.mean, n_resamples=100_000, batch=10_000, confidence_level=level, rng=1)
    error = values.std(ddof=1) / np.sqrt(24)
    # An end point of 9,999 resamples moves by some 3% of a standard error; of the same resamples, not at all.
    assert row["low"] == pytest.approx(sampled.confidence_interval.low, abs=0.1 * error)
    assert row["high"] == pytest.approx(sampled.confidence_interval.high, abs=0.1 * error)
    drawn = np.random.default_rng(0).multinomial(24, np.full(24, 1 / 24), 9999)
    sampled.bootstrap_distribution = drawn @ np.sort(values) / 24
    same = stats.bootstrap((values,), np.mean, n_resamples=0, confidence_level=level, bootstrap_result=sampled)
    assert row["low"] == pytest.approx(same.confidence_interval.low, abs=1e-6 * error)
    assert row["high"] == pytest.approx(same.confidence_interval.high, abs=1e-6 * error)


def test_a_bootstrap_interval_has_the_sample_mean_and_leans_towards_the_tail() -> None:
    values = 0.9 - np.random.default_rng(3).gamma(2, 0.01, 24)
    row = summarize(frame(values.tolist()), ["group"]).iloc[0]
    assert row["method"] == "bca"
    assert row["half_width"] == pytest.approx((row["high"] - row["low"]) / 2)
    assert row["high"] - row["mean"] < row["mean"] - row["low"]
    assert (row["mean"], row["sd"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))


def test_the_method_follows_the_number_of_values_present() -> None:
    values = np.random.default_rng(4).normal(size=20)
    long = groups(one=values[:1].tolist(), t=[*values[:19].tolist(), None], bca=values.tolist())
    result = summarize(long, ["group"]).set_index("group")
    assert result.loc[["t", "bca"], "method"].tolist() == ["t", "bca"]
    assert result["method"].isna().tolist() == [True, False, False]
    assert result["n"].tolist() == [1, 19, 20]
    t = stats.t.interval(0.95, 18, np.mean(values[:19]), stats.sem(values[:19]))
    assert (result.loc["t", "low"], result.loc["t", "high"]) == pytest.approx(t)


def test_a_bootstrap_interval_depends_on_the_groups_values_alone() -> None:
    rng = np.random.default_rng(5)
    values, other = rng.normal(size=25).tolist(), rng.normal(size=300).tolist()
    alone = summarize(frame(values), ["group"])
    among = summarize(pd.concat([frame(other, "b"), frame(values[::-1]), frame([None, *other], "c")]), ["group"])
    pd.testing.assert_frame_equal(among[among["group"] == "a"].reset_index(drop=True), alone)


@pytest.mark.parametrize("n", [3, 25])
def test_values_without_spread_give_an_interval_of_no_width(n: int) -> None:
    row = summarize(frame([0.1] * n), ["group"]).iloc[0]
    assert (row["low"], row["high"], row["half_width"]) == pytest.approx((0.1, 0.1, 0.0), abs=1e-15)


def test_one_odd_value_among_equal_ones_has_an_interval() -> None:
    row = summarize(frame([0.9] * 24 + [0.1]), ["group"]).iloc[0]
    assert 0.1 < row["low"] < row["mean"] < row["high"] <= 0.9 + 1e-12


def test_an_empty_frame_has_the_columns() -> None:
    columns = ["group", "mean", "half_width", "low", "high", "sd", "n", "method"]
    assert over_seeds(frame([]).astype({"value": float}), ["group"]).columns.tolist() == columns
