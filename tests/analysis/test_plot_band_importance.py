"""Accuracy without a band above accuracy on it alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from analysis.frames.band_importance import band_importance as frame
from analysis.plot.band_importance import MOST_TICKS, band_importance
from tests.analysis.diagnosed import diagnosed


def importance(configuration: int, seed: int, bands: int = 3) -> dict[str, pd.DataFrame]:
    """Without band b .1 (b + 1) is lost; on it alone .2 is right, .3 of configuration 1; seeds are .02 apart."""
    rows = []
    for band in range(bands):
        lost = 0.1 * (band + 1) + 0.02 * seed
        kept = 0.2 + 0.1 * configuration + 0.02 * seed
        shared = ("test", band, 2.0**band, 2.0 ** (band + 1) - 1, 0.5**band)
        rows += [(*shared, "remove", 0.9 - lost, lost, 200), (*shared, "keep", kept, 0.9 - kept, 200)]
    columns = ["split", "band", "radius_from", "radius_to", "energy", "operation", "accuracy", "drop", "n"]
    return {"band_importance": pd.DataFrame(rows, columns=columns)}


def errorbars(ax: Axes) -> list[ErrorbarContainer]:
    return [container for container in ax.containers if isinstance(container, ErrorbarContainer)]


def test_each_panel_has_its_quantity(tmp_path: Path) -> None:
    figure = band_importance(frame(diagnosed(tmp_path, importance)))
    remove, keep = figure.axes
    lost, kept = ([drawn.lines[0] for drawn in errorbars(ax)] for ax in (remove, keep))
    for configuration in (0, 1):
        assert lost[configuration].get_ydata() == pytest.approx([11, 21, 31])
        assert kept[configuration].get_ydata() == pytest.approx([21 + 10 * configuration] * 3)
        assert np.rint(np.asarray(kept[configuration].get_xdata(), float)).tolist() == [0, 1, 2]
    # 12.706205 x .01: a loss of accuracy may be negative, an accuracy ends at 0.
    assert errorbars(remove)[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx([11 - 12.706205, 11 + 12.706205])
    assert errorbars(keep)[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx([21 - 12.706205, 21 + 12.706205])
    assert remove.get_title() == "without the band; 200 images"
    assert keep.get_ylabel() == "accuracy, %"


def test_bands_are_named_by_radius_and_energy(tmp_path: Path) -> None:
    figure = band_importance(frame(diagnosed(tmp_path, importance)))
    for ax in figure.axes:
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1\n100%", "2–3\n50%", "4–7\n25%"]


def test_of_many_bands_some_are_named(tmp_path: Path) -> None:
    figure = band_importance(frame(diagnosed(tmp_path, lambda c, s: importance(c, s, 24), (0,))))
    assert len(figure.axes[0].get_xticklabels()) == 8 <= MOST_TICKS
    assert np.size(errorbars(figure.axes[0])[0].lines[0].get_ydata()) == 24
