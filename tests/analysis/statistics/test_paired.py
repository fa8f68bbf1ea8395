"""Paired differences and effect sizes against values worked out by hand or by scipy's own tests."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.statistics.paired import hedges_g, paired_differences
from tests.analysis.statistics.seeds import frame


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
