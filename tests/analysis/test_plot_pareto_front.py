"""Pareto fronts in two and three metrics."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.frames.pareto import objectives, pareto_fronts
from analysis.plot.pareto_front import PLOT, pareto_front


def test_objectives_are_clean_accuracy_and_two_corruptions(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert objectives(records) == ["clean_accuracy", "accuracy/gaussian_noise", "accuracy/resize"]


def test_the_best_configuration_in_everything_is_the_front(sweep: Path) -> None:
    frame = pareto_fronts(analysis.load(sweep))
    assert list(frame.loc[frame["on_front"].eq(True), "label"].unique()) == ["spectral_mask"]
    # .80 + .02 x 4 clean; two severities of noise cost .2 and .4
    row = frame[(frame["label"] == "spectral_mask") & (frame["metric"] == "accuracy/gaussian_noise")]
    assert row["mean"].iloc[0] == pytest.approx(0.88 - 0.3)


def points(values: dict[str, tuple[float, float, float]]) -> pd.DataFrame:
    rows = [
        {"configuration": name, "context": "", "label": name, "regularizer": "weight_decay", "strength": 0.1 + i,
         "metric": metric, "mean": value, "half_width": 0.01, "n": 3, "on_front": name != "worst"}
        for i, (name, triple) in enumerate(values.items())
        for metric, value in zip(["clean_accuracy", "accuracy/a", "accuracy/b"], triple, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_every_pair_of_three_metrics_is_a_panel() -> None:
    frame = points({"one": (0.9, 0.1, 0.5), "two": (0.8, 0.3, 0.5), "worst": (0.1, 0.1, 0.1)})
    figure = pareto_front(frame)
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]
    assert labels == [("clean accuracy, %", "accuracy a, %"), ("clean accuracy, %", "accuracy b, %"),
                      ("accuracy a, %", "accuracy b, %")]  # fmt: skip
    ax = figure.axes[0]
    drawn = {c.lines[0].get_xdata()[0]: c.lines[0].get_ydata()[0] for c in ax.containers}
    assert drawn == pytest.approx({90: 10, 80: 30, 10: 10})
    assert [text.get_text() for text in ax.texts] == ["1", "2"]
    assert figure.get_suptitle().replace("\N{NO-BREAK SPACE}", " ") == "1: one; 2: two"


def test_two_metrics_are_one_panel_and_one_is_none(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert len(pareto_front(pareto_fronts(records, ["clean_accuracy", "accuracy/resize"])).axes) == 1
    empty = PLOT.draw(pareto_fronts(records, ["clean_accuracy"]))[""]
    assert empty.texts[0].get_text().startswith("A front needs two metrics")
