"""Power along paths at a few moments: logarithms over seeds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.frames.path_spectrum import path_spectrum as frame
from analysis.plot.path_spectrum import PLOT, path_spectrum
from tests.analysis.diagnosed import diagnosed


def tables(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """10^(epoch - k - seed - configuration), a hundred times as much between labels; no power at k = 2 and epoch 0."""
    rows = [
        (
            epoch,
            path,
            k,
            (10.0 ** (epoch - k - seed - configuration + 2 * (path == "between"))) * ((k, epoch) != (2, 0)),
            5,
        )
        for epoch in (0, 1)
        for path in ("between", "within")
        for k in (0.5, 1.0, 2.0)
    ]
    return {"path_spectrum": pd.DataFrame(rows, columns=["epoch", "path", "frequency", "power", "paths"])}


def test_a_figure_for_each_kind_of_path_and_a_line_for_each_state(tmp_path: Path) -> None:
    figures = path_spectrum(frame(diagnosed(tmp_path, tables)))
    assert list(figures) == ["between equal labels", "between different labels"]
    within, between = figures.values()
    first, last = within.axes[0].lines
    assert (first.get_label(), last.get_label()) == ("epoch 0", "epoch 1")
    assert first.get_xdata() == pytest.approx([0.5, 1])
    assert first.get_ydata() == pytest.approx([-1, -1.5])
    assert last.get_ydata() == pytest.approx([0, -0.5, -1.5])
    assert between.axes[1].lines[1].get_ydata() == pytest.approx([1, 0.5, -0.5])
    assert within.axes[0].get_xscale() == "log"


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    figure = PLOT.draw(frame(diagnosed(tmp_path, tables)).iloc[:0])[""]
    assert isinstance(figure, Figure)
    assert "path_spectrum" in figure.texts[0].get_text()
