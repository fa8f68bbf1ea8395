"""Final SSR beside its null."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames import ssr
from analysis.plot.ssr_bars import ssr_bars


def test_bars_stand_beside_their_null(sweep: Path) -> None:
    records = analysis.load(sweep)
    null = ssr.null_distribution(records)
    ax = ssr_bars(ssr.final_ssr(records), null).axes[0]
    band, bar = ax.patches[0], ax.patches[1]
    row = null[(null["label"] == "none") & (null["position"] == "first") & (null["normalization"] == "dc")].iloc[0]
    assert band.get_x() == pytest.approx(row["low"])
    assert band.get_x() + band.get_width() == pytest.approx(row["high"])
    # mean suppression -.04, 3 epochs
    assert bar.get_width() == pytest.approx(3 * -0.04)
    assert [text.get_text() for text in ax.get_yticklabels()][:2] == ["none", "dropout 0.5"]
