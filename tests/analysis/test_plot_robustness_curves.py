"""Accuracy over severity."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames import robustness
from analysis.plot.robustness_curves import robustness_curves


def test_the_axis_starts_clean_and_names_parameters(sweep: Path) -> None:
    figure = robustness_curves(robustness.robustness_curves(analysis.load(sweep)))
    resize = next(ax for ax in figure.axes if ax.get_title() == "resize")
    assert [text.get_text() for text in resize.get_xticklabels()] == ["clean", "24", "16", "8"]
    assert resize.get_xlabel() == "unit of resize"
    none = resize.containers[0]
    assert none.get_label() == "none"
    assert list(none.lines[0].get_ydata()) == pytest.approx([80, 70, 60, 50])
