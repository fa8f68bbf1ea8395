"""Learning curves with the gap."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.frames import learning
from analysis.plot.learning_curves import PLOT, learning_curves
from tests.analysis.synthetic import SWEEP, edit, write_sweep


def test_both_splits_and_their_gap(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", (0, 1), SWEEP[:1])

    def curves(epochs: pd.DataFrame, seed: int) -> pd.DataFrame:
        train = [0.2 + 0.1 * epoch + 0.01 * seed for epoch in epochs["epoch"]]
        return epochs.assign(train_accuracy=train, validation_accuracy=[value - 0.05 for value in train])

    for seed in (0, 1):
        edit(folder / f"run-0-{seed}", "epochs", lambda epochs, seed=seed: curves(epochs, seed))
    figure = learning_curves(learning.learning_curves(analysis.load(folder)))
    loss, accuracy, gap = figure.axes
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss, nat", "accuracy, %", "accuracy gap, points"]
    assert [list(line.get_ydata()) for line in loss.lines] == [[1.0] * 4, [1.0] * 4]
    validation, training = accuracy.lines
    assert list(validation.get_ydata()) == pytest.approx([15.5, 25.5, 35.5, 45.5])
    assert list(training.get_ydata()) == pytest.approx([20.5, 30.5, 40.5, 50.5])
    assert (validation.get_linestyle(), training.get_linestyle()) == ("-", "--")
    assert list(gap.lines[0].get_ydata()) == pytest.approx([5.0] * 4)
    # t(.975, 1) = 12.706; the standard error of two values .01 apart is .005
    band = accuracy.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(45.5 + 100 * 12.706 * 0.005, abs=0.01)


def test_an_empty_frame_says_why(sweep: Path) -> None:
    figure = PLOT.draw(learning.learning_curves(analysis.load(sweep)).iloc[:0])[""]
    assert figure.texts[0].get_text() == "No epoch was recorded."
