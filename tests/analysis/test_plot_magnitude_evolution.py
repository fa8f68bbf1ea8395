"""Amplitudes relative to the target's, over iterations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.frames.function import magnitude_evolution as frame
from analysis.plot.magnitude_evolution import PLOT, magnitude_evolution
from tests.analysis.fitted import fitted


def test_colour_is_the_ratio_of_amplitudes_on_one_scale(tmp_path: Path) -> None:
    figure = magnitude_evolution(frame(fitted(tmp_path)))
    for ax in figure.axes[:2]:
        mesh = ax.collections[0]
        values = np.asarray(mesh.get_array(), float).reshape(2, 4)
        # .5 (epoch + seed) / 4 over .5, mean over seeds 0 and 1.
        assert values == pytest.approx(np.tile((np.arange(4) + 0.5) / 4, (2, 1)))
        assert mesh.get_clim() == (0, 1.2)
        # Not frequency 7, which the function to fit has not.
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["5", "50"]
        assert ax.get_xlabel() == "iteration"
    assert figure.axes[0].get_title() == "none; n = 2 seeds"


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    empty = frame(fitted(tmp_path)).iloc[:0]
    figure = PLOT.draw(empty)[""]
    assert isinstance(figure, Figure)
    assert "function_spectrum" in figure.texts[0].get_text()
