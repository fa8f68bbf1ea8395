"""SSR over depth, with each layer's null."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames import ssr
from analysis.plot.ssr_by_depth import PLOT, ssr_by_depth


def test_every_layer_with_its_band_and_null(sweep: Path) -> None:
    records = analysis.load(sweep)
    null = ssr.null_distribution(records, layers=())
    figure = ssr_by_depth(ssr.ssr_by_depth(records), null)
    against_init, against_first = figure.axes
    assert [against_init.get_title(), against_first.get_title()] == ["dc, against init", "dc, against epoch_1"]
    line = {line.get_label(): line for line in against_init.lines}["weight_decay 0.001"]
    # .06 mean suppression x 3 epochs x (depth + 1)
    assert list(line.get_ydata()) == pytest.approx([0.18, 0.36, 0.54])
    assert [text.get_text() for text in against_init.get_xticklabels()] == ["0", "1", "2"]
    # One ribbon for the null, then a band a configuration; no null against epoch_1.
    assert [len(ax.collections) for ax in figure.axes] == [6, 5]
    draws = records["ssr_null"]
    naive = draws[(draws["layer"] == "conv1") & (draws["normalization"] == "dc")]["value"]
    ribbon = against_init.collections[0].get_paths()[0].vertices
    at_first = np.asarray(ribbon)[np.asarray(ribbon)[:, 0] == 0, 1]
    assert at_first.min() == pytest.approx(naive.quantile(0.025))
    assert at_first.max() == pytest.approx(naive.quantile(0.975))


def test_an_empty_frame_says_why(sweep: Path) -> None:
    frame, null = (frame(analysis.load(sweep)).iloc[:0] for frame in PLOT.frames)
    figure = PLOT.draw(frame, null)[""]
    assert figure.texts[0].get_text() == "No layer has an SSR."
