"""Parallel coordinates of all runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import analysis
from analysis.frames.runs import run_values
from analysis.plot.parallel_coordinates import FAILED, FOOT, LANE, STEP, parallel_coordinates
from tests.analysis.synthetic import SWEEP, write_run, write_sweep


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = write_sweep(tmp_path_factory.mktemp("runs") / "s", (0, 1), SWEEP[:3])
    strong = {**SWEEP[2], "regularizer.weight_decay": 0.0}
    write_run(folder / "zero", strong, 0, clean=0.81)
    write_run(folder / "broken", SWEEP[2], 2, clean=None, status="diverged")
    return run_values(analysis.load(folder))


def segments(ax: Axes) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for collection in ax.collections:
        color = str(np.round(collection.get_edgecolor()[0], 3).tolist())
        found.setdefault(color, []).extend(np.asarray(s)[:, 1] for s in collection.get_segments())
    return found


def test_every_run_is_in_the_frame_complete_or_not(frame: pd.DataFrame) -> None:
    assert frame["run_id"].nunique() == 8
    assert list(frame["axis"].unique()) == ["regularizer", "regularizer.weight_decay", "clean_accuracy",
                                            "corrupted_accuracy", "ssr/last/dc/init"]  # fmt: skip
    broken = frame[frame["status"] == "diverged"].set_index("axis")
    assert np.isnan(broken.loc["clean_accuracy", "value"])
    assert broken.loc["regularizer.weight_decay", "value"] == 1e-3
    clean = frame[(frame["axis"] == "clean_accuracy") & (frame["label"] == "none")]["value"]
    assert sorted(clean) == pytest.approx([0.79, 0.80])


def test_a_failed_run_has_no_metric_though_its_seed_was_run_again(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", (0,), SWEEP[:2])
    write_run(folder / "before", SWEEP[1], 0, clean=None, status="failed")
    values = run_values(analysis.load(folder), ["clean_accuracy"])
    clean = values[(values["axis"] == "clean_accuracy") & (values["label"] != "none")].set_index("status")["value"]
    assert clean["complete"] == pytest.approx(0.81)
    assert np.isnan(clean["failed"])


def test_decades_zero_and_lanes_have_their_places(frame: pd.DataFrame) -> None:
    kept = frame[frame["axis"].isin(["regularizer.weight_decay", "clean_accuracy"])]
    kept = kept[(kept["axis"] != "regularizer.weight_decay") | (kept["value"] != 1e-4)]
    wide = pd.concat([kept, kept[kept["value"] == 1e-3].head(1).assign(run_id="low", value=1e-5, status="complete")])
    ax = parallel_coordinates(wide).axes[0]
    heights = {round(float(line[0]), 6) for lines in segments(ax).values() for line in lines}
    assert {0.0, FOOT, 1.0, LANE} <= heights  # strength 0, 1e-5, 1e-3, and runs that have none
    texts = [text.get_text() for text in ax.texts]
    assert {"0", "1e-05", "0.001", "none", "diverged"} <= set(texts)


def test_a_diverged_run_ends_in_its_lane_in_red(frame: pd.DataFrame) -> None:
    figure = parallel_coordinates(frame)
    ax = figure.axes[0]
    red = [c for c in ax.collections if c.get_zorder() == 3]
    assert len(red) == 1
    (line,) = red[0].get_segments()
    assert list(line[-3:, 1]) == pytest.approx([LANE - STEP] * 3)
    assert red[0].get_edgecolor()[0][:3] == pytest.approx([int(FAILED[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    assert figure.legends[0].get_title().get_text() == "8 runs, 1 of them not complete"


def test_a_hyperparameter_may_be_called_as_a_column_of_the_frame(frame: pd.DataFrame) -> None:
    renamed = frame.assign(axis=frame["axis"].replace("regularizer.weight_decay", "status"))
    assert len(parallel_coordinates(renamed).axes[0].get_xticklabels()) == 5


def test_no_difference_says_so(sweep: Path) -> None:
    values = run_values(analysis.load(sweep))
    figure = parallel_coordinates(values[values["kind"] == "metric"])
    assert figure.texts[0].get_text() == "No hyperparameter differs among the runs."
