"""Statistics against values worked out by hand or by scipy's own tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics import holm, over_seeds, paired_differences, summarize, what_n_allows


def frame(values: list[float | None], group: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"group": group, "seed": [str(i) for i in range(len(values))], "value": values})


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


def test_coverage_of_the_interval_is_95_percent() -> None:
    rng = np.random.default_rng(20)
    draws = rng.normal(1.0, 0.3, (4000, 3))
    long = pd.DataFrame({"group": np.repeat(np.arange(4000), 3), "value": draws.ravel()})
    result = summarize(long, ["group"])
    assert 0.94 < ((result["low"] <= 1.0) & (result["high"] >= 1.0)).mean() < 0.96


def test_paired_difference_equals_scipy_and_uses_common_seeds_only() -> None:
    treated = frame([0.50, 0.53, 0.57, 0.99])
    baseline = frame([0.40, 0.41, 0.44])
    row = paired_differences(treated, baseline, ["group"]).iloc[0]
    expected = stats.ttest_rel([0.50, 0.53, 0.57], [0.40, 0.41, 0.44])
    assert row["n"] == 3
    assert row["mean"] == pytest.approx((0.10 + 0.12 + 0.13) / 3)
    assert row["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert row["low"] == pytest.approx(expected.confidence_interval().low, rel=1e-9)


def test_pairs_are_matched_by_seed_not_by_row() -> None:
    treated = frame([1.0, 2.0, 4.0])
    baseline = frame([0.0, 1.0, 2.0]).iloc[::-1]
    assert paired_differences(treated, baseline, ["group"])["mean"][0] == pytest.approx(4 / 3)


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (0.1, None)])
def test_differences_without_spread_have_no_t(shift: float, p: float | None) -> None:
    baseline = frame([0.1, 0.2, 0.3])
    row = paired_differences(baseline.assign(value=baseline["value"] + shift), baseline, ["group"]).iloc[0]
    assert row["mean"] == pytest.approx(shift)
    assert np.isnan(row["p"]) if p is None else row["p"] == p


def test_one_pair_has_no_p() -> None:
    assert np.isnan(paired_differences(frame([1.0]), frame([0.0]), ["group"])["p"][0])


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, made monotone: .04 .06 .06 .06
    adjusted = holm(pd.Series([0.03, 0.01, 0.04, 0.02], index=list("cadb")))
    assert adjusted.to_dict() == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.06})


def test_holm_leaves_missing_out_of_the_family_and_stops_at_one() -> None:
    adjusted = holm(pd.Series([0.02, np.nan, 0.9]))
    assert adjusted[0] == pytest.approx(0.04)
    assert np.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.9)
    assert holm(pd.Series([0.8, 0.7]))[0] == 1.0
    assert holm(pd.Series([], dtype=float)).empty


def test_holm_holds_the_family_wise_error() -> None:
    rng = np.random.default_rng(7)
    p = stats.ttest_1samp(rng.normal(size=(1500, 10, 5)), 0, axis=2).pvalue
    rejected = [bool((holm(pd.Series(row)) < 0.05).any()) for row in p]
    assert np.mean(rejected) <= 0.06


def test_what_n_allows_says_where_nothing_can_be_shown() -> None:
    assert "no interval, no test and no ranking" in what_n_allows(1, 10)
    three = what_n_allows(3, 1)
    assert "2.48 standard deviations" in three  # t(.975, 2) / sqrt(3)
    assert "n = 3 cannot reach .05" in three
    assert "sign-flip test 0.25" in three
    assert "cannot reach" not in what_n_allows(6, 1)
