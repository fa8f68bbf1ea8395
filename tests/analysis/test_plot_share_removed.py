"""Share that masks remove."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames import regularizer
from analysis.plot.share_removed import share_removed


def test_a_line_for_each_layer(sweep: Path) -> None:
    frame = regularizer.regularizer_quantity(analysis.load(sweep))
    left, right = share_removed(frame).axes[:2]
    assert [line.get_ydata()[-1] for line in left.lines] == pytest.approx([10.1, 5.1])
    assert list(right.containers[0].lines[0].get_ydata()) == pytest.approx([10.1, 5.1])
    assert left.get_title() == "spectral_mask, n = 3 seeds"
