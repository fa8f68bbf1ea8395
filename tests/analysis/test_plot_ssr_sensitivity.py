"""SSR under every normalization and reference."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames import ssr
from analysis.metric import NORMALIZATIONS
from analysis.plot.ssr_sensitivity import PLOT, ssr_sensitivity


def test_a_grid_of_all_normalizations_and_references(sweep: Path) -> None:
    records = analysis.load(sweep)
    frame, null = ssr.final_ssr(records), ssr.null_distribution(records)
    figure = ssr_sensitivity(frame, null, "last")
    assert len(figure.axes) == 10
    assert [ax.get_title() for ax in figure.axes[:5]] == [name.replace("_", " ") for name in NORMALIZATIONS]
    dc = figure.axes[0]
    means = [container.lines[0].get_xdata()[0] for container in dc.containers if hasattr(container, "has_xerr")]
    # none -.04, dropout .11, mask .16, weight decay .01 and .06; x 3 epochs x depth factor 3
    assert sorted(means) == pytest.approx([9 * s for s in (-0.04, 0.01, 0.06, 0.11, 0.16)])
    ranks = {text.get_text().strip(): round(text.get_position()[1]) for text in dc.texts}
    labels = [text.get_text() for text in dc.get_yticklabels()]
    assert labels[ranks["5"]] == "none"
    assert labels[ranks["1"]].startswith("spectral_mask")
    # grey boxes against init only
    assert [len(ax.patches) for ax in figure.axes] == [5] * 5 + [0] * 5


def test_a_page_for_each_layer(sweep: Path) -> None:
    records = analysis.load(sweep)
    frames = [frame(records) for frame in PLOT.frames]
    assert list(PLOT.draw(*frames)) == ["first", "last"]
    empty = PLOT.draw(frames[0].iloc[:0], frames[1])[""]
    assert empty.texts[0].get_text() == "No layer has an SSR."
