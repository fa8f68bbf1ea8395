"""Explained variance of each frequency over iterations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

import analysis
from analysis.frames.function import explained_variance as frame
from analysis.plot.explained_variance import PLOT, explained_variance
from tests.analysis.fitted import fitted
from tests.records.written import rewrite


def test_a_panel_for_each_frequency_over_iterations(tmp_path: Path) -> None:
    figure = explained_variance(frame(fitted(tmp_path)))
    assert [ax.get_title() for ax in figure.axes] == ["frequency 5", "frequency 50"]
    for ax, final in zip(figure.axes, (0.9, 0.3), strict=True):
        none, decayed = ax.lines[:2]
        assert list(np.asarray(none.get_xdata(), float)) == [0, 10, 20, 30]  # 10 updates an epoch
        assert none.get_ydata() == pytest.approx(np.array([0, 1, 2, 3]) / 3 * final + 0.01)
        assert decayed.get_ydata() == pytest.approx((np.array([0, 1, 2, 3]) / 3 * final + 0.01) / 2)
        assert ax.get_xlabel() == "iteration"
    assert figure.axes[0].collections[0].get_datalim(figure.axes[0].transData).y1 == 1  # the band is cut


def test_a_logarithmic_axis_has_no_iteration_0(tmp_path: Path) -> None:
    figure = PLOT.draw(frame(fitted(tmp_path)))["log"]
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_xscale() == "log"
    assert list(np.asarray(figure.axes[0].lines[0].get_xdata(), float)) == [10, 20, 30]


def test_without_a_number_of_updates_the_axis_is_the_epoch(tmp_path: Path) -> None:
    figure = explained_variance(frame(fitted(tmp_path, steps=None)))
    assert figure.axes[0].get_xlabel() == "epoch"
    assert list(np.asarray(figure.axes[0].lines[0].get_xdata(), float)) == [0, 1, 2, 3]


def test_a_number_of_updates_that_is_null_everywhere_is_none(tmp_path: Path) -> None:
    """A null is recorded as text without a value."""
    for folder in sorted(path for path in fitted(tmp_path, steps=None).path.iterdir()):
        rewrite(folder, "run", **{"config.steps_per_epoch": pa.nulls(1, pa.string())})
    figure = explained_variance(frame(analysis.load(tmp_path)))
    assert figure.axes[0].get_xlabel() == "epoch"


def test_records_without_the_probe_say_so(sweep: Path) -> None:
    empty = frame(analysis.load(sweep))
    assert empty.empty
    assert "function_spectrum" in explained_variance(empty).texts[0].get_text()
