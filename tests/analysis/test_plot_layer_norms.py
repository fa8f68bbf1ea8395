"""Spectral norms of layers over iterations, and their product."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.frames.layer_norms import layer_norms as frame
from analysis.plot.layer_norms import PLOT, layer_norms
from tests.analysis.diagnosed import diagnosed


def tables(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """Norms 2 and 3 + epoch, halved with configuration 1; .2 more with seed 1."""
    rows = []
    for epoch in (0, 2, 4):
        norms = [2.0 / (configuration + 1) + 0.2 * seed, (3.0 + epoch) / (configuration + 1) + 0.2 * seed]
        rows += [
            (epoch, "hidden.0", 0, norms[0], norms[0], 1.0),
            (epoch, "readout", 1, norms[1], norms[0] * norms[1], 1.0),
        ]
    columns = ["epoch", "layer", "depth", "spectral_norm", "product", "largest_parameter"]
    return {"layer_norms": pd.DataFrame(rows, columns=columns)}


def test_a_line_for_each_layer_and_one_for_the_product(tmp_path: Path) -> None:
    figure = layer_norms(frame(diagnosed(tmp_path, tables)))
    first, second = figure.axes
    assert [line.get_label() for line in first.lines] == ["hidden.0 (layer 1)", "readout (layer 2)", "product of all"]
    assert first.lines[0].get_ydata() == pytest.approx([2.1] * 3)
    assert first.lines[1].get_ydata() == pytest.approx([3.1, 5.1, 7.1])
    assert first.lines[2].get_ydata() == pytest.approx([(2 * n + 2.2 * (n + 0.2)) / 2 for n in (3, 5, 7)])
    assert second.lines[1].get_ydata() == pytest.approx([1.6, 2.6, 3.6])
    assert first.get_xlabel() == "epoch"  # these records do not say how many updates one has
    assert first.get_ylim() == second.get_ylim()
    assert (first.get_title(), first.get_yscale()) == ("none", "log")


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    figure = PLOT.draw(frame(diagnosed(tmp_path, tables)).iloc[:0])[""]
    assert isinstance(figure, Figure)
    assert "layer_norms" in figure.texts[0].get_text()
