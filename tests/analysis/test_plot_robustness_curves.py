"""Accuracy over severity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection

import analysis
from analysis.frames import robustness
from analysis.plot.robustness_curves import PLOT, robustness_curves


def test_the_axis_starts_clean_and_names_parameters(sweep: Path) -> None:
    figure = robustness_curves(robustness.robustness_curves(analysis.load(sweep)))
    resize = next(ax for ax in figure.axes if ax.get_title() == "resize")
    assert [text.get_text() for text in resize.get_xticklabels()] == ["clean", "24", "16", "8"]
    assert resize.get_xlabel() == "unit of resize"
    none = resize.containers[0]
    assert none.get_label() == "none"
    assert list(none.lines[0].get_ydata()) == pytest.approx([80, 70, 60, 50])


def test_intervals_end_at_0_and_100(sweep: Path) -> None:
    frame = robustness.robustness_curves(analysis.load(sweep)).assign(half_width=0.7)
    lines = [c for ax in robustness_curves(frame).axes for c in ax.collections if isinstance(c, LineCollection)]
    ends = np.concatenate([np.asarray(bar)[:, 1] for line in lines for bar in line.get_segments()])
    assert (ends.min(), ends.max()) == pytest.approx((0, 100))
    assert "cut at 0 and 100 %" in PLOT.caption
