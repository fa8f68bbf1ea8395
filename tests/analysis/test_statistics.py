"""Statistics against values worked out by hand or by scipy's own tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.load import AnalysisError
from analysis.statistics import (
    best,
    can_reach,
    hedges_g,
    holm,
    null_position,
    over_seeds,
    paired_differences,
    sampling_error,
    summarize,
    what_n_allows,
)


def frame(values: Sequence[float | None], group: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"group": group, "seed": [str(i) for i in range(len(values))], "value": values})


def groups(**values: Sequence[float | None]) -> pd.DataFrame:
    return pd.concat([frame(v, name) for name, v in values.items()], ignore_index=True)


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


def test_what_n_allows_says_where_nothing_can_be_shown() -> None:
    assert "no interval, no test and no ranking" in what_n_allows(1, 10)
    three = what_n_allows(3, 1)
    assert "correction over 1 test at .05" in three
    assert "2.48 standard deviations" in three  # t(.975, 2) / sqrt(3)
    assert "n = 3 cannot reach .05" in three
    assert "sign-flip test 0.25" in three
    assert "cannot reach" not in what_n_allows(6, 1)


def test_n_says_when_only_a_single_test_can_do_without_normal_differences() -> None:
    # 2 / 2^8 = .0078; 104 x 2 / 2^n <= .05 asks for 2^n >= 4160: n = 13
    eight = what_n_allows(8, 104)
    assert "n = 8 can reach .05 in one test, but not after the correction over 104" in eight
    assert "sign-flip test 0.00781; it needs 13 seeds" in eight
    assert "it needs 6 seeds, and 13 for 104 tests" in what_n_allows(4, 104)
    assert "without" not in what_n_allows(13, 104).lower()


def test_can_reach_by_hand() -> None:
    assert can_reach([1, 3, 5, 6]).tolist() == [False, False, False, True]  # 2 / 2^5 = .0625, 2 / 2^6 = .03125
    assert can_reach([6, 7], tests=2).tolist() == [False, True]
    assert bool(can_reach(6, tests=0))


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


# Effect size of paired differences.


def test_hedges_g_by_hand() -> None:
    # Differences 1, 2, 3: d = 2 / 1; J(2) = Gamma(1) / (sqrt(1) Gamma(.5)) = 1 / sqrt(pi)
    row = paired_differences(frame([1.0, 2.0, 3.0]), frame([0.0, 0.0, 0.0]), ["group"]).iloc[0]
    assert row["hedges_g"] == pytest.approx(2 / np.sqrt(np.pi))
    # The interval's ends are where the observed t is the 97.5% and the 2.5% quantile.
    t = np.sqrt(3) * 2
    assert stats.nct.cdf(t, 2, np.sqrt(3) * row["g_low"]) == pytest.approx(0.975, abs=1e-6)
    assert stats.nct.cdf(t, 2, np.sqrt(3) * row["g_high"]) == pytest.approx(0.025, abs=1e-6)
    mirrored = paired_differences(frame([0.0, 0.0, 0.0]), frame([1.0, 2.0, 3.0]), ["group"]).iloc[0]
    names = ["hedges_g", "g_low", "g_high"]
    assert mirrored[names].tolist() == pytest.approx([-row["hedges_g"], -row["g_high"], -row["g_low"]], abs=1e-6)


def test_the_correction_is_near_its_usual_approximation() -> None:
    g, _, _ = hedges_g(np.array([1.0]), np.array([1.0]), np.array([30.0]))
    assert g[0] == pytest.approx(1 - 3 / (4 * 29 - 1), abs=1e-4)


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [1.0, 1.0, 1.0]])
def test_no_effect_size_at_two_pairs_or_without_spread(values: list[float]) -> None:
    row = paired_differences(frame(values), frame([0.0] * len(values)), ["group"]).iloc[0]
    assert row[["hedges_g", "g_low", "g_high"]].isna().all()


def test_the_paired_interval_leaves_out_zero_exactly_where_p_is_below_alpha() -> None:
    rng = np.random.default_rng(6)
    shape = (300, 25)
    base = {"group": np.repeat(np.arange(300), 25), "seed": np.tile(np.arange(25), 300)}
    treated = pd.DataFrame(base | {"value": rng.normal(0.4, 1, shape).ravel()})
    result = paired_differences(treated, pd.DataFrame(base | {"value": 0.0}), ["group"])
    outside = (result["low"] > 0) | (result["high"] < 0)
    assert 50 < outside.sum() < 250
    assert (outside == (result["p"] < 0.05)).all()
    assert set(result["method"]) == {"t"}


def test_can_reach_counts_the_frames_tests_or_those_named() -> None:
    six, none = frame([1.0, 2.0, 4.0, 3.0, 5.0, 7.0]), frame([0.0] * 6)
    assert paired_differences(six, none, ["group"])["can_reach"].tolist() == [True]
    assert paired_differences(six, none, ["group"], tests=2)["can_reach"].tolist() == [False]
    two, baseline = (pd.concat([f, f.assign(group="b")]) for f in (six, none))
    assert paired_differences(two, baseline, ["group"])["can_reach"].tolist() == [False, False]


def test_a_seed_that_occurs_twice_is_refused() -> None:
    twice = pd.concat([frame([1.0, 2.0]), frame([1.0])])
    with pytest.raises(pd.errors.MergeError):
        paired_differences(twice, frame([0.0, 0.0]), ["group"])


def test_holm_equals_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(8)
    for m in (1, 2, 7, 500):
        p = pd.Series(np.round(rng.beta(0.3, 1, m), 3))  # ties too
        assert holm(p).to_numpy() == pytest.approx(multitest.multipletests(p, method="holm")[1])


# The sampling error of an accuracy.


def test_sampling_error_by_hand() -> None:
    # sqrt(.9 x .1 / 100) = .03; Wilson (.9 + 3.8415 / 200 -+ 1.96 sqrt(.0009 + 3.8415 / 40000)) / 1.038415
    row = sampling_error(0.9, 100).iloc[0]
    assert row["standard_error"] == pytest.approx(0.03)
    assert (row["low"], row["high"]) == pytest.approx((0.82563, 0.94477), abs=1e-5)
    assert row["half_width"] == pytest.approx((0.94477 - 0.82563) / 2, abs=1e-5)


@pytest.mark.parametrize(("right", "images"), [(0, 10), (10, 10), (1, 1), (9203, 10_000), (137, 360)])
def test_sampling_error_equals_scipys_wilson_interval(right: int, images: int) -> None:
    row = sampling_error(right / images, images).iloc[0]
    expected = stats.binomtest(right, images).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_intervals_stay_within_zero_and_one() -> None:
    ends = sampling_error(np.repeat([0.0, 1.0], 2000), np.tile(np.arange(1, 2001), 2))
    assert (ends["low"] >= 0).all()
    assert (ends["high"] <= 1).all()
    assert (ends["half_width"] > 0).all()


def test_sampling_errors_of_many_and_missing_accuracies() -> None:
    result = sampling_error(pd.Series([0.5, np.nan, 0.5]), [100, 100, 10_000])
    assert result["standard_error"].tolist() == pytest.approx([0.05, np.nan, 0.005], nan_ok=True)
    assert result.iloc[1].isna().all()


def test_sampling_error_refuses_what_is_no_share_of_images() -> None:
    with pytest.raises(AnalysisError, match=r"accuracy 92\.5 has no sampling error: a fraction of the images, 0 to 1"):
        sampling_error([0.9, 92.5], 100)
    with pytest.raises(AnalysisError, match=r"an accuracy on 0 images has no sampling error: at least 1 image"):
        sampling_error(0.9, 0)


# The position in a null distribution.


@pytest.mark.parametrize(
    ("value", "p"),
    # Draws 1, 2, 2, 3; beyond, ties -> 2 (beyond + ties / 2 + 1) / 5
    [(0.0, 0.4), (1.0, 0.6), (1.5, 0.8), (2.0, 1.0), (2.5, 0.8), (3.0, 0.6), (9.0, 0.4), (np.nan, np.nan)],
)
def test_null_position_by_hand(value: float, p: float) -> None:
    assert null_position(value, [2.0, 1.0, 3.0, 2.0]) == pytest.approx(p, nan_ok=True)


def test_null_positions_of_many_values_with_draws_of_their_own() -> None:
    draws = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan], [np.nan] * 3, [0.0, 0.0, 0.0]])
    # 2 x 1 / 4; 2 x 1 / 3; no draws; all ties: 2 x 2.5 / 4 -> 1
    assert null_position([9.0, 9.0, 9.0, 0.0], draws) == pytest.approx([0.5, 2 / 3, np.nan, 1.0], nan_ok=True)
    assert null_position([0.0, 9.0], [1.0, 2.0, 3.0]) == pytest.approx([0.5, 0.5])


# What may be marked best.


A = [0.900, 0.902, 0.899, 0.903]
LOW = [0.800, 0.803, 0.798, 0.801]
NEAR = [0.901, 0.899, 0.902, 0.900]


def test_the_only_group_that_none_beats_is_best() -> None:
    assert best(groups(low=LOW, high=A), ["group"]).to_dict() == {"low": "", "high": "best"}
    assert best(groups(low=LOW, high=A), ["group"], larger_is_better=False).to_dict() == {"low": "best", "high": ""}


def test_groups_that_cannot_be_told_apart_are_tied() -> None:
    assert best(groups(a=A, near=NEAR, low=LOW), ["group"]).to_dict() == {"a": "tied", "near": "tied", "low": ""}


def test_nothing_is_marked_where_nothing_can_be_told_apart() -> None:
    assert set(best(groups(a=A, near=NEAR), ["group"])) == {""}
    assert set(best(groups(a=A, same=A), ["group"])) == {""}
    assert set(best(groups(a=A), ["group"])) == {""}
    assert best(groups(a=[]).astype({"value": float}), ["group"]).empty


def test_holm_over_all_pairs_decides() -> None:
    # p of the only pair with a difference: t = .02 / (.0046 / sqrt(3)), .0167 < p < .05. Alone it is enough; as one of
    # three pairs, two of them without any difference worth the name, it is not.
    high, low = [0.92, 0.925, 0.915], [0.900, 0.900, 0.900]
    p = stats.ttest_rel(high, low).pvalue
    assert 0.05 / 3 < p < 0.05
    assert best(groups(high=high, low=low), ["group"]).to_dict() == {"high": "best", "low": ""}
    assert set(best(groups(high=high, low=low, between=[0.915, 0.900, 0.920]), ["group"])) == {""}


def test_a_group_with_one_seed_stops_all_marks_and_one_without_values_does_not() -> None:
    assert set(best(groups(high=A, low=LOW, single=[0.95]), ["group"])) == {""}
    marks = best(groups(high=A, low=LOW, failed=[None, None]), ["group"])
    assert marks.to_dict() == {"high": "best", "low": "", "failed": ""}


def test_groups_without_common_seeds_cannot_be_told_apart() -> None:
    long = groups(high=A, low=LOW)
    long.loc[long["group"] == "low", "seed"] += "0"
    assert set(best(long, ["group"])) == {""}


def test_marks_of_groups_named_by_several_columns_with_repeated_seeds() -> None:
    long = groups(high=A, low=LOW).assign(model="lenet")
    marks = best(pd.concat([long, long]), ["model", "group"])
    assert marks.to_dict() == {("lenet", "high"): "best", ("lenet", "low"): ""}


def test_best_equals_a_naive_computation_over_pairs() -> None:
    rng = np.random.default_rng(9)
    k, n = 12, 6
    values = rng.normal(size=(k, n)) + np.repeat([0.0, 9.0, 11.0], 4)[:, None] + rng.normal(size=n)
    values[3, 2] = np.nan
    long = pd.DataFrame(
        {"group": np.repeat(np.arange(k), n), "seed": np.tile(np.arange(n), k), "value": values.ravel()}
    )
    pairs = [(i, j) for i in range(k) for j in range(i)]
    tests = [stats.ttest_rel(values[i], values[j], nan_policy="omit") for i, j in pairs]
    adjusted = holm(pd.Series([float(t.pvalue) for t in tests]))
    worse = {(i if t.statistic < 0 else j) for (i, j), t, p in zip(pairs, tests, adjusted, strict=True) if p < 0.05}
    uncorrected = {(i if t.statistic < 0 else j) for (i, j), t in zip(pairs, tests, strict=True) if t.pvalue < 0.05}
    assert 4 <= len(worse) < len(uncorrected)
    assert best(long, ["group"]).to_dict() == {i: "" if i in worse else "tied" for i in range(k)}
