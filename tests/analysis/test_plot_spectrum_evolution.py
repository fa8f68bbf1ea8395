"""Heat maps of the spectrum over training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames import spectrum
from analysis.plot.spectrum_evolution import PLOT, spectrum_evolution


def test_heat_maps_hold_the_ratios(sweep: Path) -> None:
    records = analysis.load(sweep)
    frame = spectrum.spectrum_evolution(records)
    figure = spectrum_evolution(frame, "first")
    ax = figure.axes[0]
    values = np.asarray(ax.collections[0].get_array()).reshape(3, 4)
    assert values[:, 0] == pytest.approx([0, 0, 0])  # white at epoch 0
    # Configuration none: suppressions -.05, -.04, -.03; power 1 + 3s, 1, 1 / (1 + 3|s|); 9 bins of 1, 4, 4.
    powers = np.array([[1 + 3 * s, 1, 1 / (1 + 3 * abs(s))] for s in (-0.05, -0.04, -0.03)])
    ratios = powers / ((powers * [1, 4, 4]).sum(axis=1, keepdims=True) / 9)
    assert values[:, 3] == pytest.approx(np.log2(ratios.mean(axis=0)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1", "√2"]
    mesh = ax.collections[0]
    assert mesh.norm.vmin == -mesh.norm.vmax


def test_a_share_has_no_logarithm(sweep: Path) -> None:
    frame = spectrum.spectrum_evolution(analysis.load(sweep), ratio="energy_share")
    ax = spectrum_evolution(frame, "last", "energy_share").axes[0]
    values = np.asarray(ax.collections[0].get_array()).reshape(3, 4)
    assert values[:, 0] == pytest.approx([1 / 9, 4 / 9, 4 / 9])
    assert ax.collections[0].norm.vmin == 0


def test_a_figure_for_each_layer(sweep: Path) -> None:
    frame = spectrum.spectrum_evolution(analysis.load(sweep))
    assert list(PLOT.draw(frame)) == ["first", "last"]
    empty = PLOT.draw(frame.iloc[:0])[""]
    assert empty.texts[0].get_text().startswith("No spectra")
