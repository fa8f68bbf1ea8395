"""Rows of a table: by configuration, by key, sorted, marked, as a frame."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import metric, rows
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

T3 = 4.302652729911275
"""Student's t, .975, 2 degrees of freedom."""


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> analysis.Records:
    """Two models x two regularizers x 3 seeds; clean accuracy is .5 + .1 model + .02 regularizer + noise."""
    root = tmp_path_factory.mktemp("pooled")
    for m, model in enumerate(("lenet", "resnet20")):
        for r, choices in enumerate(SWEEP[:2]):
            for seed in (0, 1, 2):
                clean = 0.5 + 0.1 * m + 0.02 * r + 0.01 * seed * (1 + m)
                write_run(root / f"{model}-{r}-{seed}", {**choices, "model": model}, seed, clean=clean, layers=())
    return analysis.load(root)


def test_estimates_equal_a_naive_recomputation(records: analysis.Records) -> None:
    found = rows.by_configuration(records, ["clean_accuracy", "clean_loss"])
    run = records["run"]
    for place, name in enumerate(["none", "dropout", "spectral_mask"]):
        values = run.loc[run["config.regularizer"] == name, "clean_accuracy"].to_numpy()
        row = found.estimates.loc[(place, "clean_accuracy")]
        half = T3 * values.std(ddof=1) / math.sqrt(3)
        assert (row["mean"], row["half_width"], row["n"]) == pytest.approx((values.mean(), half, 3))
        assert (row["low"], row["high"]) == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.estimates["n"].tolist() == [3] * 10


def test_a_group_is_a_mean_within_each_seed_first(pooled: analysis.Records) -> None:
    """Not over the 6 runs of a group as if they were 6 replications."""
    found = rows.by_keys(pooled, ["regularizer"], ["clean_accuracy"])
    assert found.keys["regularizer"].tolist() == ["none", "weight_decay"]
    run = pooled["run"]
    for place, name in enumerate(["none", "weight_decay"]):
        part = run[run["config.regularizer"] == name]
        seeds = np.array([part.loc[part["config.seed"] == s, "clean_accuracy"].mean() for s in (0, 1, 2)])
        row = found.estimates.loc[(place, "clean_accuracy")]
        assert row["n"] == 3
        assert row["mean"] == pytest.approx(seeds.mean())
        assert row["half_width"] == pytest.approx(T3 * seeds.std(ddof=1) / math.sqrt(3))
    assert found.total.tolist() == [6, 6]
    assert found.pooled == (
        "Pooled over model (lenet, resnet20). Each seed's value is the mean over the pooled configurations (2 a row); "
        "mean, interval and n are over seeds.",
    )


def test_a_group_with_a_missing_seed_says_so(tmp_path: Path) -> None:
    for model, seeds in (("lenet", (0, 1)), ("resnet20", (0,))):
        for seed in seeds:
            write_run(tmp_path / f"{model}{seed}", {"regularizer": "none", "model": model}, seed, layers=())
    found = rows.by_keys(analysis.load(tmp_path), ["regularizer"], ["clean_accuracy"])
    assert found.pooled[1].startswith("Caution: not every seed has every pooled configuration")


def test_grouping_by_all_that_differs_pools_nothing(pooled: analysis.Records) -> None:
    found = rows.by_keys(pooled, ["model", "regularizer"], ["clean_accuracy"])
    assert len(found.keys) == 4
    assert found.pooled == ()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["seed"], "--group seed: seeds are what is averaged over"),
        (["status"], "--group status: it is no part of a configuration"),
        (["modle"], r"--group: unknown key 'modle'\. Did you mean model"),
    ],
)
def test_bad_groups(pooled: analysis.Records, keys: list[str], message: str) -> None:
    with pytest.raises(analysis.AnalysisError, match=message):
        rows.by_keys(pooled, keys)


def test_sorting(records: analysis.Records) -> None:
    found = rows.by_configuration(records, ["clean_accuracy"])
    up = rows.ordered(found, "clean_accuracy").column("clean_accuracy").tolist()
    assert up == sorted(up)
    down = rows.ordered(found, "-clean_accuracy").column("clean_accuracy").tolist()
    assert down == sorted(up, reverse=True)
    names = rows.ordered(found, "-regularizer").keys["regularizer"].tolist()
    assert names == ["weight_decay 0.001", "weight_decay 0.0001", "spectral_mask", "none", "dropout 0.5"]
    decay = rows.ordered(found, "-regularizer.weight_decay").keys["regularizer"].tolist()
    assert decay[:2] == ["weight_decay 0.001", "weight_decay 0.0001"]
    with pytest.raises(
        analysis.AnalysisError, match=r"--sort: no column 'speed'\. Columns here: regularizer, n, clean"
    ):
        rows.ordered(found, "speed")


@pytest.mark.parametrize("column", ["clean_accuracy", "-clean_accuracy"])
def test_missing_values_are_sorted_last(tmp_path: Path, column: str) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:2], layers=())
    write_run(root / "lost", SWEEP[3], 0, clean=None, status="diverged", layers=())
    found = rows.ordered(rows.by_configuration(analysis.load(root), ["clean_accuracy"]), column)
    assert found.keys["regularizer"].tolist()[-1] == "dropout 0.5"
    assert found.column("clean_accuracy").isna().tolist() == [False, False, True]


def test_wildcards(records: analysis.Records) -> None:
    names, wild = rows.metrics_named(records, ["clean_accuracy", "accuracy/gaussian_noise/*", "ssr/first/*/epoch_1"])
    ssr = [f"ssr/first/{kind}/epoch_1" for kind in ("dc", "total", "energy", "absolute", "absolute_folded")]
    assert names == ["clean_accuracy", "accuracy/gaussian_noise/0.05", "accuracy/gaussian_noise/0.1", *ssr]
    assert wild == names[1:]
    with pytest.raises(analysis.AnalysisError, match=r"unknown metric 'fog/\*'"):
        rows.metrics_named(records, ["fog/*"])


def test_metrics_that_a_pattern_named_and_no_run_has_are_left_out(records: analysis.Records) -> None:
    found = rows.by_configuration(records, ["clean_accuracy"])
    assert found.without_empty(["clean_accuracy"]).metrics == ("clean_accuracy",)
    none = replace(found, replications=found.replications.iloc[:0])
    with pytest.raises(analysis.AnalysisError, match=r"^no run here has a value of clean_accuracy\.$"):
        none.without_empty(["clean_accuracy"])
    assert none.without_empty([]).metrics == ("clean_accuracy",)


def _separated(root: Path, step: float, metric: str = "clean") -> analysis.Records:
    """Three configurations, 4 seeds, paired differences of ``step`` with a little spread."""
    noise = np.array([[0.0, 1.0, 2.0, 3.0], [0.1, 1.0, 2.0, 2.9], [0.0, 1.1, 1.9, 3.0]]) * 1e-3
    for c, choices in enumerate((SWEEP[0], SWEEP[1], SWEEP[3])):
        for seed in range(4):
            write_run(root / f"r{c}-{seed}", choices, seed, **{metric: 0.6 + step * c + noise[c, seed]}, layers=())
    return analysis.load(root)


def test_a_clear_best_row_is_marked_alone(tmp_path: Path) -> None:
    found = rows.marked(rows.by_configuration(_separated(tmp_path, 0.1), ["clean_accuracy", "ssr/first/dc/init"]))
    assert found.marks is not None
    means = found.column("clean_accuracy")
    best = found.marks.xs("clean_accuracy", level="metric").tolist()
    assert best == ["best" if mean == means.max() else "" for mean in means]
    assert (found.marks.xs("ssr/first/dc/init", level="metric") == "").all()


def test_rows_that_cannot_be_told_apart_and_single_seeds_are_not_marked(tmp_path: Path) -> None:
    found = rows.marked(rows.by_configuration(_separated(tmp_path / "a", 0.0), ["clean_accuracy"]))
    assert found.marks is not None
    assert (found.marks == "").all()
    single = analysis.load(write_sweep(tmp_path / "b", seeds=(0,), layers=()))
    found = rows.marked(rows.by_configuration(single, ["clean_accuracy"]))
    assert found.marks is not None
    assert (found.marks == "").all()


def test_directions() -> None:
    named = {"clean_accuracy": True, "accuracy/fog/1": True, "relative_robustness": True, "drop": False,
             "drop/fog": False, "clean_loss": False, "train_seconds": False, "train_test_gap": False,
             "epoch_seconds": False, "relative_cost": False,
             "ssr/first/dc/init": None}  # fmt: skip
    assert {name: metric.larger_is_better(name) for name in named} == named


def test_the_frame_is_long_at_full_precision(records: analysis.Records) -> None:
    frame = rows.frame(rows.by_configuration(records, ["clean_accuracy", "clean_loss"]))
    keys = ["config.regularizer", "config.regularizer.weight_decay"]
    assert list(frame) == ["configuration", *keys, "complete", "total", "metric", "unit", *rows.STATISTICS]
    assert len(frame) == 10
    run = records["run"]
    mean = run.loc[run["config.regularizer"] == "dropout", "clean_accuracy"].mean()
    row = frame[(frame["configuration"] == "dropout 0.5") & (frame["metric"] == "clean_accuracy")].iloc[0]
    assert row["mean"] == pytest.approx(mean, abs=1e-15)
    assert (row["unit"], row["complete"], row["total"], row["n"]) == ("fraction", 3, 3, 3)
    assert pd.api.types.is_float_dtype(frame["config.regularizer.weight_decay"])
    assert "config.batch_size" in rows.frame(rows.by_configuration(records, ["clean_loss"]), everything=True)


def test_the_frame_follows_the_order_of_the_rows(records: analysis.Records) -> None:
    found = rows.ordered(rows.by_configuration(records, ["clean_accuracy"]), "-clean_accuracy")
    frame = rows.frame(found.taken(found.keys.index[:2]))
    assert frame["configuration"].tolist() == found.label.tolist()[:2]
    assert frame["mean"].is_monotonic_decreasing


def test_a_group_whose_seeds_have_as_many_but_other_configurations_says_so(tmp_path: Path) -> None:
    for seed, model in enumerate(("lenet", "resnet20", "resnet18")):
        write_run(tmp_path / model, {"regularizer": "none", "model": model}, seed, layers=())
    found = rows.by_keys(analysis.load(tmp_path), ["regularizer"], ["clean_accuracy"])
    assert "".join(found.pooled[1:]).startswith("Caution: not every seed has every pooled configuration")


def test_the_mean_of_a_published_set_is_a_metric(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0, layers=(), corruptions={"cifar10c:fog": [1.0, 2.0]})
    records = analysis.load(tmp_path)
    metric.check(records, ["accuracy/cifar10c:all", "drop/cifar10c:all"])
    assert metric.values(records, ["accuracy/cifar10c:all"])["value"].notna().all()


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (["clean_accuracy", "ssr/first/dc/init"], "test split"),
        (["validation_accuracy", "train_accuracy"], "the split in their name"),
        (["clean_accuracy", "validation_accuracy"], "test split unless their name says another"),
        (["ssr/first/dc/init", "clean_loss"], ""),
    ],
)
def test_which_split_accuracies_are_of(names: list[str], note: str) -> None:
    assert metric.accuracies_note(names) == note
