"""Radial profiles before and after training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames import spectrum
from analysis.plot.radial_profiles import radial_profiles


def test_states_are_logarithms_relative_to_white(sweep: Path) -> None:
    frame = spectrum.radial_profiles(analysis.load(sweep))
    figure = radial_profiles(frame)
    first, last = figure.axes
    assert first.get_title() == "first layer (conv1)"
    assert last.get_title() == "last layer (layer2.conv1)"
    start = next(line for line in first.lines if line.get_linestyle() == "--")
    assert list(start.get_ydata()) == pytest.approx([0, 0, 0])
    line = {line.get_label(): line for line in first.lines}["weight_decay 0.001"]
    powers = np.array([[1 + 3 * s, 1, 1 / (1 + 3 * s)] for s in (0.05, 0.06, 0.07)])
    ratios = powers / ((powers * [1, 4, 4]).sum(axis=1, keepdims=True) / 9)
    assert list(line.get_ydata()) == pytest.approx(np.log2(ratios.mean(axis=0)))
    assert list(line.get_xdata()) == pytest.approx([0, 1, 2**0.5])
    assert [text.get_text() for text in first.get_xticklabels()] == ["0", "1", "√2"]


def test_an_interval_down_to_no_power_leaves_the_panel(sweep: Path) -> None:
    frame = spectrum.radial_profiles(analysis.load(sweep))
    wide = frame.assign(low=frame["low"].where(frame["state"] == "initial", -1.0))
    ax = radial_profiles(wide).axes[0]
    assert min(band.get_paths()[0].vertices[:, 1].min() for band in ax.collections) < ax.get_ylim()[0]
