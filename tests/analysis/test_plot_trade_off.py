"""Clean against corrupted accuracy."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.frames import robustness
from analysis.plot.trade_off import trade_off
from tests.analysis.synthetic import SWEEP, write_sweep


def dashed(frame: pd.DataFrame) -> int:
    lines = [line for ax in trade_off(frame).axes for line in ax.lines if line.get_linestyle() == "--"]
    return sum(len(line.get_xdata()) > 0 for line in lines)


def test_the_front_is_marked_only_where_it_is_known(sweep: Path, tmp_path: Path) -> None:
    assert dashed(robustness.trade_off(analysis.load(sweep))) == 3
    single = analysis.load(write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:2]))
    assert dashed(robustness.trade_off(single)) == 0


def test_a_crowd_has_intervals_on_the_front_only(sweep: Path) -> None:
    frame = robustness.trade_off(analysis.load(sweep))
    one = frame[(frame["corruption"] == "all") & (frame["label"] == "none")]
    many = [one.assign(configuration=f"c{i}", label=f"c{i}", clean=0.5 + 0.01 * i, on_front=i == 20) for i in range(21)]
    figure = trade_off(pd.concat(many, ignore_index=True))
    ax = figure.axes[0]
    assert len(ax.containers) == 1
    assert list(ax.containers[0].lines[0].get_xdata()) == pytest.approx([70])
    dots = next(line for line in ax.lines if len(line.get_xdata()) == 20)
    assert list(dots.get_xdata()) == pytest.approx([50 + i for i in range(20)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["none", "Pareto front of the means"]
