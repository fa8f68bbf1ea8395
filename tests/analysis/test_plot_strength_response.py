"""Metrics against strength."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.frames import strength
from analysis.plot.strength_response import PLOT, decades, positions, strength_response
from tests.analysis.synthetic import SWEEP, write_sweep


def test_strength_zero_has_its_own_place() -> None:
    places, zero = positions(np.array([0.0, 1e-4, 1e-3]))
    assert places == pytest.approx([-5, -4, -3])
    assert zero == -5
    assert positions(np.array([0.0]))[1] == 0


def test_the_axis_shows_zero_and_decades(sweep: Path) -> None:
    frame = strength.strength_response(analysis.load(sweep), ["clean_accuracy"])
    ax = strength_response(frame, ["weight_decay"]).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "1e-4", "1e-3"]
    assert ax.get_ylabel() == "clean accuracy, %"
    assert ax.get_xlabel() == "weight decay strength"
    positive, zero = ax.containers
    assert list(positive.lines[0].get_ydata()) == pytest.approx([82, 84])
    assert list(zero.lines[0].get_ydata()) == pytest.approx([80])


def test_strengths_within_one_decade_are_named_themselves() -> None:
    assert decades(pd.Series(np.log10([0.2, 0.5]))) == (pytest.approx([np.log10(0.2), np.log10(0.5)]), ["0.2", "0.5"])
    assert decades(pd.Series(dtype=float)) == ([], [])


def test_several_regularizers_in_one_figure(tmp_path: Path) -> None:
    sweep = (*SWEEP[:3], {"regularizer": "dropout", "regularizer.dropout": 0.05}, SWEEP[3])
    frame = strength.strength_response(analysis.load(write_sweep(tmp_path / "s", (0, 1), sweep)), ["clean_accuracy"])
    drawn = PLOT.draw(frame)
    assert list(drawn) == ["dropout", "weight_decay", "every regularizer"]
    figure = drawn["every regularizer"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dropout", "weight decay"]


def test_nothing_swept_says_so(sweep: Path) -> None:
    frame = strength.strength_response(analysis.load(sweep), ["clean_accuracy"]).iloc[:0]
    figure = PLOT.draw(frame)[""]
    assert figure.texts[0].get_text() == "No regularizer was run at two strengths."
