"""Holm's correction and what n allows, by hand and against statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.multiplicity import can_reach, holm, what_n_allows


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


def test_holm_equals_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(8)
    for m in (1, 2, 7, 500):
        p = pd.Series(np.round(rng.beta(0.3, 1, m), 3))  # ties too
        assert holm(p).to_numpy() == pytest.approx(multitest.multipletests(p, method="holm")[1])
