"""Retention by frequency and step: the last epoch's values, as a map and as curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.frames.parameter_perturbation import retention as frame
from analysis.plot.perturbation_map import PLOT, perturbation_map, retention_curves
from tests.analysis.diagnosed import diagnosed

FREQUENCIES, DELTAS = (5, 10, 50), (0.0, 1.0, 2.0)


def kept(configuration: int, seed: int, frequency: int, delta: float) -> float:
    return 1 - delta * frequency / (200 * (configuration + 1)) + 0.02 * seed


def tables(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    rows = [
        (epoch, delta, k, 1.0, 0.5, 0.4, 0.1, kept(configuration, seed, k, delta) if epoch == 4 else 9.0, 20)
        for epoch in (0, 4)
        for delta in DELTAS
        for k in FREQUENCIES
    ]
    columns = ["epoch", "delta", "frequency", "target_amplitude", "amplitude", "perturbed_mean", "perturbed_sd"]
    return {"parameter_perturbation": pd.DataFrame(rows, columns=[*columns, "retention", "directions"])}


def test_colours_are_the_retention_after_the_last_epoch(tmp_path: Path) -> None:
    figure = perturbation_map(frame(diagnosed(tmp_path, tables)))
    for configuration, ax in enumerate(figure.axes[:2]):
        mesh = ax.collections[0]
        expected = [[kept(configuration, 0, k, delta) + 0.01 for delta in DELTAS] for k in FREQUENCIES]
        assert np.asarray(mesh.get_array(), float).reshape(3, 3) == pytest.approx(np.array(expected))
        assert mesh.get_clim() == (0, 1)
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "2"]
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["5", "10", "50"]
    assert figure.axes[0].get_title() == "none; n = 2 seeds"


def test_curves_show_the_same_values_with_their_interval(tmp_path: Path) -> None:
    figure = retention_curves(frame(diagnosed(tmp_path, tables)))
    assert [ax.get_title() for ax in figure.axes] == ["δ = 1", "δ = 2"]
    line = figure.axes[1].lines[0]
    assert line.get_xdata() == pytest.approx(FREQUENCIES)
    assert line.get_ydata() == pytest.approx([kept(0, 0, k, 2.0) + 0.01 for k in FREQUENCIES])
    # Student's t with 1 degree of freedom times sd / sqrt 2 = .02 / 2.
    top = figure.axes[1].collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(kept(0, 0, 5, 2.0) + 0.01 + 12.7062 * 0.01, rel=1e-4)


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    empty = frame(diagnosed(tmp_path, tables)).iloc[:0]
    for figure in PLOT.draw(empty).values():
        assert isinstance(figure, Figure)
        assert "parameter_perturbation" in figure.texts[0].get_text()
