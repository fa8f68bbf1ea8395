"""SSR over training: what is drawn, read back from the figure."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames import ssr
from analysis.plot.ssr_trajectories import PLOT, ssr_trajectories


def test_means_and_the_null_against_init_only(sweep: Path) -> None:
    records = analysis.load(sweep)
    frame, null = ssr.ssr_trajectories(records), ssr.null_distribution(records)
    figure = ssr_trajectories(frame, null, ("energy",))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["first layer (conv1)\nenergy, against init", "first layer (conv1)\nenergy, against epoch_1",
                      "last layer (layer2.conv1)\nenergy, against init",
                      "last layer (layer2.conv1)\nenergy, against epoch_1"]  # fmt: skip
    assert [len(ax.patches) for ax in figure.axes] == [1, 0, 1, 0]
    line = {line.get_label(): line for line in figure.axes[2].lines}["weight_decay 0.001"]
    assert list(line.get_xdata()) == [0, 1, 2, 3]
    # .06 mean suppression x 3 epochs x depth factor 3 x energy's weight .25
    assert line.get_ydata()[-1] == pytest.approx(0.06 * 3 * 3 * 0.25)
    assert figure.legends[0].get_title().get_text() == "mean and 95% interval, n = 3 seeds"


def test_the_other_normalizations_have_a_figure_of_their_own(sweep: Path) -> None:
    records = analysis.load(sweep)
    drawn = PLOT.draw(*(frame(records) for frame in PLOT.frames))
    assert list(drawn) == ["", "every other normalization"]
    assert [len(figure.axes) for figure in drawn.values()] == [4, 16]
