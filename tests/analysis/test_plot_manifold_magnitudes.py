"""Amplitudes along curves of different shape, a panel for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.frames.function import manifold_magnitudes as frame
from analysis.plot.manifold_magnitudes import PLOT, manifold_magnitudes
from tests.analysis.fitted import fitted


def test_a_panel_for_each_number_of_petals_in_ascending_order(tmp_path: Path) -> None:
    figure = manifold_magnitudes(frame(fitted(tmp_path, petals=(10, 4))))
    # Configuration 0 has 10 petals, configuration 1, another regularizer, 4.
    assert [ax.get_title() for ax in figure.axes[:2]] == [
        "L = 10 · none; n = 2 seeds",
        "L = 4 · weight_decay 0.001; n = 2 seeds",
    ]
    for ax in figure.axes[:2]:
        values = np.asarray(ax.collections[0].get_array(), float).reshape(2, 4)
        assert values == pytest.approx(np.tile((np.arange(4) + 0.5) / 4, (2, 1)))
        assert ax.get_xlabel() == "iteration"


def test_runs_on_no_curve_have_no_row(tmp_path: Path) -> None:
    found = frame(fitted(tmp_path))
    assert found.empty
    figure = PLOT.draw(found)[""]
    assert isinstance(figure, Figure)
    assert "manifold_sinusoids" in figure.texts[0].get_text()
