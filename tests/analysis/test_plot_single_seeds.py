"""Single seeds beside their mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames.replication import single_seeds as frame_of
from analysis.plot.single_seeds import PLOT, single_seeds


def test_a_dot_for_each_seed_and_the_tables_mean(sweep: Path) -> None:
    frame = frame_of(analysis.load(sweep), ["clean_accuracy", "train_test_gap"])
    assert list(frame.loc[frame["label"] == "none", "value"][:3]) == pytest.approx([0.79, 0.80, 0.81])
    figure = single_seeds(frame)
    ax, gap = figure.axes
    assert [ax.get_xlabel(), gap.get_xlabel()] == ["clean accuracy, %", "train/test gap, %"]
    offsets = np.concatenate([np.asarray(dots.get_offsets()) for dots in ax.collections[:5]])
    none = offsets[offsets[:, 1] == 0, 0]
    assert sorted(none) == pytest.approx([79, 80, 81])
    bars = ax.containers[0]
    assert list(bars.lines[0].get_xdata()) == pytest.approx([80])
    segment = bars.lines[2][0].get_segments()[0]
    # t(.975, 2) = 4.3027; sd 1, n 3
    assert segment[:, 0] == pytest.approx([80 - 4.3027 / 3**0.5, 80 + 4.3027 / 3**0.5], abs=1e-3)
    assert ax.get_yticklabels()[0].get_text() == "none"


def test_no_complete_run_says_so(sweep: Path) -> None:
    empty = PLOT.draw(frame_of(analysis.load(sweep)).iloc[:0])[""]
    assert empty.texts[0].get_text() == "No run is complete."
