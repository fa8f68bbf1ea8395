"""Conditions on runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.filter import Condition, filtered, parsed, same


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        (["regularizer=dropout"], {"run-3-0", "run-3-1", "run-3-2"}),
        (["regularizer=none,dropout", "seed=0,2"], {"run-0-0", "run-0-2", "run-3-0", "run-3-2"}),
        (["regularizer.weight_decay=1e-3", "seed!=1"], {"run-2-0", "run-2-2"}),
        (["regularizer.weight_decay<0.001"], {"run-1-0", "run-1-1", "run-1-2"}),
        (["regularizer.weight_decay>=0.0001", "seed>1"], {"run-1-2", "run-2-2"}),
        (["config.regularizer.weight_decay!=0.001", "seed=0"], {"run-0-0", "run-1-0", "run-3-0", "run-4-0"}),
        (["regularizer.weight_decay=null", "seed==0"], {"run-0-0", "run-3-0", "run-4-0"}),
        (["regularizer.decoupled=false", "seed=0"], {"run-1-0", "run-2-0"}),
        (["run_name=run-1-0"], {"run-1-0"}),
        (["status=complete", "seed=2", "model != lenet", "regularizer=none"], {"run-0-2"}),
    ],
)
def test_conditions_keep_the_runs_that_fulfil_all(
    records: analysis.Records, conditions: list[str], names: set[str]
) -> None:
    assert set(filtered(records, conditions)["run"]["run_name"]) == names


def test_no_condition_is_no_change(records: analysis.Records) -> None:
    assert filtered(records, []) is records


def test_configurations_are_named_anew(records: analysis.Records) -> None:
    assert filtered(records, ["regularizer=weight_decay"]).configurations.differing == (
        "config.regularizer.weight_decay",
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("regularizer", r"--where 'regularizer': expected KEY=VALUE, such as regularizer=none"),
        ("=none", "expected KEY=VALUE"),
        ("regulariser=none", r"unknown key 'regulariser'\. Did you mean regularizer"),
        ("weight_decay=0.1", r"unknown key 'weight_decay'\. Did you mean regularizer\.weight_decay"),
        ("regularizer=l1", r"no run has regularizer=l1\. Values here: none, weight_decay, dropout, spectral_mask\."),
        ("regularizer.weight_decay>1", r"no run has .*>1\. Values here: null, 0\.0001, 0\.001\."),
        ("seed>x", r"--where 'seed>x': > needs a number, not 'x'"),
    ],
)
def test_bad_conditions_name_the_way_out(records: analysis.Records, condition: str, message: str) -> None:
    with pytest.raises(analysis.AnalysisError, match=message):
        filtered(records, [condition])


def test_conditions_that_exclude_each_other(records: analysis.Records) -> None:
    with pytest.raises(analysis.AnalysisError, match="no run fulfils all of seed=0 and seed=1"):
        filtered(records, ["seed=0", "seed=1"])


def test_a_value_may_hold_operators_and_commas() -> None:
    condition = parsed("corruption.resize.size=[28,24]")
    assert condition == Condition("corruption.resize.size", "=", "[28,24]")
    assert condition.holds("[28,24]")
    assert not condition.holds("[28]")
    assert parsed("tag=a=b").holds("a=b")


@pytest.mark.parametrize(
    ("value", "wanted", "equal"),
    [(0.001, "1e-3", True), (64, "64.0", True), (True, "True", True), (True, "1", False), (None, "null", True),
     (None, "none", False), ("none", "none", True), ("0.10", "0.1", True), ("a", "b", False),
     (float("nan"), "null", True), (1, "one", False)],
)  # fmt: skip
def test_same(value: object, wanted: str, equal: bool) -> None:
    assert same(value, wanted) is equal
