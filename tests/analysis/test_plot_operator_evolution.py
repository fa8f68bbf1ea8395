"""Epoch x frequency maps of a layer's largest gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.frames.operator_spectrum import gain_evolution
from analysis.plot.operator_evolution import PLOT, operator_evolution
from tests.analysis.diagnosed import diagnosed
from tests.analysis.test_plot_operator_spectrum import gains


def test_the_map_holds_the_mean_logarithm(tmp_path: Path) -> None:
    figure = operator_evolution(gain_evolution(diagnosed(tmp_path, gains)), "last")
    for configuration, ax in enumerate(figure.axes[:2]):
        (mesh,) = ax.collections
        grid = np.asarray(mesh.get_array()).reshape(2, 3)
        epochs = np.arange(3) * (configuration + 1) / 2
        assert grid == pytest.approx(3 + np.array([[0.0], [0.5]]) + epochs + 0.5)
        assert mesh.get_clim() == pytest.approx((3.5, 6.0))
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.00", "0.50"]
    assert figure.get_suptitle() == "last layer (conv3), on 4 × 4 samples; geometric mean over n = 2 seeds"


def test_first_and_last_layer_have_a_figure_each(tmp_path: Path) -> None:
    drawn = PLOT.draw(gain_evolution(diagnosed(tmp_path, gains)))
    assert list(drawn) == ["first", "last"]
