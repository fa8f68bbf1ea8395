"""Validation errors by the noise on the training labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.frames.label_noise import dip_ratio, dip_time, validation_error
from analysis.plot.validation_dip import PLOT, noise_text, validation_dip
from tests.analysis.noisy import error, noisy


def test_a_line_for_each_noise_with_its_dip(tmp_path: Path) -> None:
    records = noisy(tmp_path)
    figure = validation_dip(validation_error(records), dip_ratio(records))
    (ax,) = figure.axes
    curves = {line.get_label(): line for line in ax.lines if not str(line.get_label()).startswith("_")}
    assert list(curves) == ["radial noise, k = 0.2", "radial noise, k = 1", "white noise"]
    assert ax.get_xlabel() == "iteration"
    for number, line in enumerate(curves.values()):
        assert line.get_xdata() == pytest.approx([0, 10, 20])
        assert line.get_ydata() == pytest.approx([error(number, 0, epoch) + 0.01 for epoch in range(3)])
    assert len({line.get_color() for line in curves.values()}) == 3
    # Means over seeds: of .2 / .3 and .22 / .32, then of .2 / .4 and .22 / .42.
    assert [text.get_text() for text in ax.texts] == ["1.00", "0.68", "0.51"]


def test_times_and_ratios_over_seeds(tmp_path: Path) -> None:
    records = noisy(tmp_path)
    ratios = dip_ratio(records)
    assert ratios["mean"].tolist() == pytest.approx([1, (0.2 / 0.3 + 0.22 / 0.32) / 2, (0.2 / 0.4 + 0.22 / 0.42) / 2])
    assert ratios["noise_frequency"].astype(float).tolist()[:2] == [0.2, 1.0]
    assert ratios["noise_frequency"].isna().tolist() == [False, False, True]  # a key that white noise does not use
    times = dip_time(records)
    assert set(times["unit"]) == {"iteration"}
    assert times["mean"].tolist() == [10, 10, 10]


def test_words_of_a_noise() -> None:
    assert noise_text("radial", 0.05) == "radial noise, k = 0.05"
    assert noise_text(None, None) == noise_text("none", None) == "labels as they are"


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    records = noisy(tmp_path, seeds=(0,))
    figure = PLOT.draw(validation_error(records).iloc[:0], dip_ratio(records).iloc[:0])[""]
    assert isinstance(figure, Figure)
    assert "validation_dip" in figure.texts[0].get_text()
