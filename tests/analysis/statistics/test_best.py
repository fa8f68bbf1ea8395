"""What may be marked best, against a naive computation over pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.best import best
from analysis.statistics.multiplicity import holm
from tests.analysis.statistics.seeds import groups

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
