"""The function to fit and the models' own at a few epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.frames.function import function_fit as frame
from analysis.plot.function_fit import PLOT, function_fit, thinned
from tests.analysis.fitted import fitted

SINE = np.sin(2 * np.pi * np.arange(8) / 8)


def test_a_column_for_each_configuration_and_a_row_for_each_state(tmp_path: Path) -> None:
    figure = function_fit(frame(fitted(tmp_path)))
    first, _, last, halved = figure.axes
    assert (first.get_ylabel(), last.get_ylabel()) == ("iteration 0", "iteration 30")
    for ax in figure.axes:
        assert ax.lines[0].get_ydata() == pytest.approx(SINE)
    assert first.lines[1].get_ydata() == pytest.approx([0.01] * 8)
    assert last.lines[1].get_ydata() == pytest.approx(SINE + 0.01)
    assert halved.lines[1].get_ydata() == pytest.approx(SINE / 2 + 0.01)
    assert first.get_ylim() == pytest.approx((-1 - 0.06 * 2.01, 1.01 + 0.06 * 2.01))


def test_of_many_states_some_are_shown() -> None:
    assert thinned([0, 1, 2, 4, 8, 16, 32], 4) == [0, 2, 8, 32]
    assert thinned([0, 5], 4) == [0, 5]


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    empty = frame(fitted(tmp_path)).iloc[:0]
    figure = PLOT.draw(empty)[""]
    assert isinstance(figure, Figure)
    assert "function_spectrum" in figure.texts[0].get_text()
