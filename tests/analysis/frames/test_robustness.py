"""Robustness frames against values by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import aggregate
from analysis.frames.robustness import pareto_front, robustness_curves, trade_off
from tests.analysis.synthetic import edit, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_robustness_curves_start_at_the_clean_point(records: analysis.Records) -> None:
    frame = robustness_curves(records)
    curve = frame[(frame["label"] == "none") & (frame["corruption"] == "resize")].sort_values("severity")
    assert curve["mean"].tolist() == pytest.approx([0.8, 0.7, 0.6, 0.5])
    assert curve["parameter"].tolist()[1:] == [24, 16, 8]
    assert math.isnan(curve["parameter"].tolist()[0])
    assert set(curve["parameter_unit"]) == {"unit of resize"}


def test_a_missing_severity_makes_the_mean_missing(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0)

    def without_one(rows: pd.DataFrame) -> pd.DataFrame:
        lost = (rows["corruption"] == "resize") & (rows["severity"] == 2)
        return rows.assign(accuracy=rows["accuracy"].mask(lost))

    edit(tmp_path / "a", "robustness", without_one)
    frame = aggregate.headline(
        analysis.load(tmp_path), ["accuracy/resize", "accuracy/gaussian_noise", "corrupted_accuracy"]
    )
    means = frame.set_index("metric")["mean"]
    assert means[["accuracy/resize", "corrupted_accuracy"]].isna().all()
    assert means["accuracy/gaussian_noise"] == pytest.approx(0.5)


def test_pareto_front_by_hand() -> None:
    points = np.array([[1.0, 5.0], [2.0, 4.0], [1.5, 4.0], [3.0, 1.0], [2.0, 4.0]])
    assert pareto_front(points).tolist() == [True, True, False, True, True]


def test_no_front_at_one_seed(sweep: Path, tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,))
    assert trade_off(analysis.load(root))["on_front"].isna().all()
    full = trade_off(analysis.load(sweep))
    # In the generator accuracy under corruption rises with clean accuracy: only the best configuration is on the front.
    assert set(full.loc[full["on_front"].eq(True), "label"]) == {"spectral_mask"}
