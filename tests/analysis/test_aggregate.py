"""Aggregates against naive recomputations from the records."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import aggregate, metric
from tests.analysis.synthetic import SWEEP, clean_accuracy, corrupted_accuracy, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def cell(frame: pd.DataFrame, **where: object) -> pd.Series:
    for key, value in where.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]


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


def test_layers_without_a_high_band_are_never_first_or_last(sweep: Path) -> None:
    records = analysis.load(sweep / "run-0-0")
    records["ssr"].loc[records["ssr"]["layer"] == "conv1", "status"] = "no_high_band"
    chosen = metric.chosen_layers(records)
    assert dict(zip(chosen["position"], chosen["layer"], strict=True)) == {
        "first": "layer1.conv1",
        "last": "layer2.conv1",
    }


def test_a_single_layer_is_first_and_not_last_as_well(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0, layers=["conv1"])
    assert metric.chosen_layers(analysis.load(tmp_path))["position"].tolist() == ["first"]


def test_trajectories_equal_a_groupby(records: analysis.Records) -> None:
    frame = aggregate.ssr_trajectories(records, ["last"], ["energy"], ["init"])
    naive = records["ssr"].merge(records["run"][["run_id", "config.regularizer"]], on="run_id")
    naive = naive[(naive["layer"] == "layer2.conv1") & (naive["normalization"] == "energy")]
    naive = naive[(naive["reference"] == "init") & (naive["config.regularizer"] == "dropout")]
    naive = naive.groupby("epoch")["value"].mean()
    mine = frame[frame["regularizer"] == "dropout"].set_index("epoch")["mean"]
    assert mine.to_dict() == pytest.approx(naive.to_dict())
    assert set(frame["position"]) == {"last"}


def test_null_distribution_equals_its_draws(records: analysis.Records) -> None:
    draws = np.concatenate([np.random.default_rng(s).normal(0, 0.16, (3, 40))[0] for s in (0, 1, 2)])
    row = cell(aggregate.null_distribution(records), label="none", position="first", normalization="dc")
    assert row["n"] == 120
    assert row["mean"] == pytest.approx(draws.mean())
    assert row["sd"] == pytest.approx(draws.std(ddof=1))
    assert row["low"] == pytest.approx(np.quantile(draws, 0.025))
    assert row["high"] == pytest.approx(np.quantile(draws, 0.975))


def test_equal_draws_of_several_runs_count_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, {"regularizer": "none"}, 0)
    assert (aggregate.null_distribution(analysis.load(tmp_path))["n"] == 40).all()


def test_spectrum_ratios_by_hand(sweep: Path) -> None:
    # Run of configuration 0, seed 0: suppression -.05. Epoch 2: powers .9, 1, 1/1.1 on 1, 4, 4 bins.
    frame = aggregate.spectrum_evolution(analysis.load(sweep / "run-0-0"), ["first"])
    total = 0.9 + 4 * 1.0 + 4 / 1.1
    row = frame[(frame["epoch"] == 2) & np.isclose(frame["radius"], math.sqrt(2))].iloc[0]
    assert row["energy_share"] == pytest.approx(4 / 1.1 / total)
    assert row["dc_relative"] == pytest.approx(1 / 1.1 / 0.9)
    assert row["white_relative"] == pytest.approx(1 / 1.1 * 9 / total)


def test_high_band_share_of_a_white_kernel_is_eight_ninths(sweep: Path) -> None:
    frame = aggregate.high_band_share(analysis.load(sweep / "run-0-0"))
    assert frame.loc[frame["epoch"] == 0, "mean"].tolist() == pytest.approx([8 / 9] * 3)


def test_high_band_of_five_by_five_starts_at_the_fourth_radius(sweep: Path) -> None:
    records = analysis.load(sweep / "run-0-0")
    radius = [0.0, 1.0, math.sqrt(2), 2.0, math.sqrt(5), math.sqrt(8)]
    records["spectra"] = pd.DataFrame(
        {"run_id": "id-run-0-0", "epoch": 0, "layer": "conv1", "depth": 0, "kernel": 5, "radius": radius,
         "multiplicity": [1, 4, 4, 4, 8, 4], "power": 1.0}
    )  # fmt: skip
    assert aggregate.high_band_share(records)["mean"][0] == pytest.approx(16 / 25)


def test_robustness_curves_start_at_the_clean_point(records: analysis.Records) -> None:
    frame = aggregate.robustness_curves(records)
    curve = frame[(frame["label"] == "none") & (frame["corruption"] == "resize")].sort_values("severity")
    assert curve["mean"].tolist() == pytest.approx([0.8, 0.7, 0.6, 0.5])
    assert curve["parameter"].tolist()[1:] == [24, 16, 8]
    assert math.isnan(curve["parameter"].tolist()[0])
    assert set(curve["parameter_unit"]) == {"unit of resize"}


def test_a_missing_severity_makes_the_mean_missing(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0)
    records = analysis.load(tmp_path)
    rows = records["robustness"]
    rows.loc[(rows["corruption"] == "resize") & (rows["severity"] == 2), "accuracy"] = math.nan
    frame = aggregate.headline(records, ["accuracy/resize", "accuracy/gaussian_noise", "corrupted_accuracy"])
    means = frame.set_index("metric")["mean"]
    assert means[["accuracy/resize", "corrupted_accuracy"]].isna().all()
    assert means["accuracy/gaussian_noise"] == pytest.approx(0.5)


def test_pareto_front_by_hand() -> None:
    points = np.array([[1.0, 5.0], [2.0, 4.0], [1.5, 4.0], [3.0, 1.0], [2.0, 4.0]])
    assert aggregate.pareto_front(points).tolist() == [True, True, False, True, True]


def test_no_front_at_one_seed(sweep: Path, tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,))
    assert aggregate.trade_off(analysis.load(root))["on_front"].isna().all()
    full = aggregate.trade_off(analysis.load(sweep))
    # In the generator accuracy under corruption rises with clean accuracy: only the best configuration is on the front.
    assert set(full.loc[full["on_front"].eq(True), "label"]) == {"spectral_mask"}


def test_strength_zero_is_filled_by_none(records: analysis.Records) -> None:
    frame = aggregate.strength_response(records, ["clean_accuracy"])
    assert set(frame["swept"]) == {"weight_decay"}
    points = frame.sort_values("strength")
    assert points["strength"].tolist() == [0.0, 1e-4, 1e-3]
    assert points["mean"].tolist() == pytest.approx([0.80, 0.82, 0.84])


def test_share_removed_per_layer(records: analysis.Records) -> None:
    frame = aggregate.regularizer_quantity(records)
    row = cell(frame, layer="layer1.conv1", epoch=3)
    assert row["depth"] == 1
    assert row["mean"] == pytest.approx(0.05 * 3 * 2 / 3 + 0.001)


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
