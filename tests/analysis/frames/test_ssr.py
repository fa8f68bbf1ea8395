"""SSR frames against naive recomputations from the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames.ssr import null_distribution, ssr_by_depth, ssr_trajectories
from tests.analysis.synthetic import cell, edit, write_run


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_layers_without_a_high_band_are_never_first_or_last(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0)
    edit(
        tmp_path / "a",
        "ssr",
        lambda ssr: ssr.assign(status=ssr["status"].mask(ssr["layer"] == "conv1", "no_high_band")),
    )
    chosen = analysis.load(tmp_path).sql("SELECT * FROM layers WHERE position <> layer")
    assert dict(zip(chosen["position"], chosen["layer"], strict=True)) == {
        "first": "layer1.conv1",
        "last": "layer2.conv1",
    }


def test_a_single_layer_is_first_and_not_last_as_well(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0, layers=["conv1"])
    assert set(analysis.load(tmp_path).sql("FROM layers")["position"]) == {"first", "conv1"}


def test_trajectories_equal_a_groupby(records: analysis.Records) -> None:
    frame = ssr_trajectories(records, ["last"], ["energy"], ["init"])
    naive = records["ssr"].merge(records["run"][["run_id", "config.regularizer"]], on="run_id")
    naive = naive[(naive["layer"] == "layer2.conv1") & (naive["normalization"] == "energy")]
    naive = naive[(naive["reference"] == "init") & (naive["config.regularizer"] == "dropout")]
    naive = naive.groupby("epoch")["value"].mean()
    mine = frame[frame["regularizer"] == "dropout"].set_index("epoch")["mean"]
    assert mine.to_dict() == pytest.approx(naive.to_dict())
    assert set(frame["position"]) == {"last"}


def test_null_distribution_equals_its_draws(records: analysis.Records) -> None:
    draws = np.concatenate([np.random.default_rng(s).normal(0, 0.16, (3, 40))[0] for s in (0, 1, 2)])
    row = cell(null_distribution(records), label="none", position="first", normalization="dc")
    assert row["n"] == 120
    assert row["mean"] == pytest.approx(draws.mean())
    assert row["sd"] == pytest.approx(draws.std(ddof=1))
    assert row["low"] == pytest.approx(np.quantile(draws, 0.025))
    assert row["high"] == pytest.approx(np.quantile(draws, 0.975))


def test_equal_draws_of_several_runs_count_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, {"regularizer": "none"}, 0)
    assert (null_distribution(analysis.load(tmp_path))["n"] == 40).all()


def test_equal_draws_under_other_numbers_count_once(tmp_path: Path) -> None:
    """A run with fewer draws before these numbers them otherwise."""
    for name in ("a", "b"):
        write_run(tmp_path / name, {"regularizer": "none"}, 0)
    alone = null_distribution(analysis.load(tmp_path / "a"))
    edit(tmp_path / "b", "ssr_null", lambda rows: rows.assign(draw=rows["draw"] + 7))
    both = null_distribution(analysis.load(tmp_path))
    columns = ["mean", "sd", "low", "high", "n"]
    assert both[columns].to_numpy() == pytest.approx(alone[columns].to_numpy())


def test_depth_profile_is_the_final_ssr_of_every_layer(records: analysis.Records) -> None:
    frame = ssr_by_depth(records)
    suppression = np.mean([0.05 + 0.01 * seed for seed in (0, 1, 2)])  # configuration 2
    rows = frame[(frame["configuration"] == "weight_decay 0.001") & (frame["normalization"] == "energy")]
    init = rows[rows["reference"] == "init"].sort_values("depth")
    assert init["mean"].tolist() == pytest.approx([0.25 * 3 * (depth + 1) * suppression for depth in (0, 1, 2)])
    epoch_1 = rows[rows["reference"] == "epoch_1"].sort_values("depth")
    assert epoch_1["mean"].tolist() == pytest.approx([0.25 * 2 * (depth + 1) * suppression for depth in (0, 1, 2)])
