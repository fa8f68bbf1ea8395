"""Aggregates against naive recomputations from the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import aggregate
from tests.analysis.synthetic import SWEEP, cell, clean_accuracy, corrupted_accuracy, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_headline_by_hand(records: analysis.Records) -> None:
    row = cell(aggregate.headline(records), configuration="weight_decay 0.001", metric="clean_accuracy")
    # Configuration 2: .83, .84, .85; sd .01; half-width 2.484138 sd.
    assert row["mean"] == pytest.approx(0.84)
    assert row["half_width"] == pytest.approx(0.02484138, abs=1e-7)
    assert row["n"] == 3


def test_overall_robustness_is_the_mean_over_corruptions_of_means_over_severities(records: analysis.Records) -> None:
    means = []
    for seed in (0, 1, 2):
        clean = clean_accuracy(3, seed)
        noise = np.mean([corrupted_accuracy(clean, "gaussian_noise", s) for s in (1, 2)])
        resize = np.mean([corrupted_accuracy(clean, "resize", s) for s in (1, 2, 3)])
        means.append((noise + resize) / 2)
    frame = aggregate.headline(records, ["corrupted_accuracy", "drop/gaussian_noise", "accuracy/resize/16"])
    assert cell(frame, label="dropout 0.5", metric="corrupted_accuracy")["mean"] == pytest.approx(np.mean(means))
    assert cell(frame, label="dropout 0.5", metric="drop/gaussian_noise")["mean"] == pytest.approx(0.3)
    assert cell(frame, label="dropout 0.5", metric="accuracy/resize/16")["mean"] == pytest.approx(0.86 - 0.2)


def test_relative_robustness_is_a_mean_of_ratios_per_seed(records: analysis.Records) -> None:
    frame = aggregate.headline(records, ["relative_robustness/resize/24"])
    expected = np.mean([(c - 0.1) / c for c in (0.79, 0.80, 0.81)])
    assert cell(frame, label="none")["mean"] == pytest.approx(expected)


def test_ssr_of_first_and_last_layer(records: analysis.Records) -> None:
    frame = aggregate.headline(records, ["ssr/first/dc/init", "ssr/last/total/epoch_1", "ssr/layer1.conv1/dc/init"])
    suppression = np.mean([0.05 + 0.01 * seed for seed in (0, 1, 2)])  # configuration 2
    row = {"configuration": "weight_decay 0.001"}
    assert cell(frame, **row, metric="ssr/first/dc/init")["mean"] == pytest.approx(3 * suppression)
    assert cell(frame, **row, metric="ssr/last/total/epoch_1")["mean"] == pytest.approx(2 * 3 * 0.5 * suppression)
    assert cell(frame, **row, metric="ssr/layer1.conv1/dc/init")["mean"] == pytest.approx(3 * 2 * suppression)


def test_unknown_metric_names_the_nearest(records: analysis.Records) -> None:
    with pytest.raises(
        analysis.AnalysisError, match=r"'clean_acuracy'\. Did you mean clean_accuracy.*ssr/LAYER/NORMALIZATION"
    ):
        aggregate.headline(records, ["clean_acuracy"])


def test_incomplete_runs_are_counted_and_left_out(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", sweep=SWEEP[:2])
    write_run(root / "lost", SWEEP[1], 3, clean=0.1, status="killed", detail="SIGKILL")
    records = analysis.load(root)
    counts = aggregate.run_counts(records)
    assert dict(zip(counts["status"], counts["runs"], strict=True)) == {"complete": 6, "killed": 1}
    lost = aggregate.incomplete_runs(records)
    assert lost[["run_name", "seed", "status", "status_detail"]].to_numpy().tolist() == [
        ["lost", "3", "killed", "SIGKILL"]
    ]
    row = cell(aggregate.headline(records, ["clean_accuracy"]), regularizer="weight_decay")
    assert (row["mean"], row["n"]) == (pytest.approx(0.82), 3)
