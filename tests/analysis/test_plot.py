"""Plots: what they draw, read back from the figure; not pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import aggregate
from analysis.plot.robustness_curves import robustness_curves
from analysis.plot.share_removed import share_removed
from analysis.plot.spectrum_evolution import high_band_share, radius_text, spectrum_evolution
from analysis.plot.ssr_bars import ssr_bars
from analysis.plot.ssr_trajectories import ssr_trajectories
from analysis.plot.strength_response import positions, strength_response
from analysis.plot.style import PALETTE, styles, svg
from analysis.plot.trade_off import trade_off
from tests.analysis.synthetic import SWEEP, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_a_regularizer_keeps_its_colour_and_strengths_get_darker() -> None:
    frame = pd.DataFrame(
        {"configuration": list("abcde"), "regularizer": ["none", "weight_decay", "weight_decay", "x", "y"],
         "strength": [np.nan, 1e-4, 1e-3, np.nan, np.nan]}
    )  # fmt: skip
    look = styles(frame)
    assert look["a"].color == PALETTE["none"]
    assert look["c"].color == PALETTE["weight_decay"]
    light, dark = (int(look[key].color[1:3], 16) for key in "bc")
    assert light > dark
    assert len({style.color for style in look.values()}) == 5
    assert len({style.marker for style in look.values()}) == 5


def test_trajectories_draw_means_and_the_null_against_init_only(records: analysis.Records) -> None:
    frame, null = aggregate.ssr_trajectories(records), aggregate.null_distribution(records)
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


def test_bars_stand_beside_their_null(records: analysis.Records) -> None:
    null = aggregate.null_distribution(records)
    ax = ssr_bars(aggregate.final_ssr(records), null).axes[0]
    band, bar = ax.patches[0], ax.patches[1]
    row = null[(null["label"] == "none") & (null["position"] == "first") & (null["normalization"] == "dc")].iloc[0]
    assert band.get_x() == pytest.approx(row["low"])
    assert band.get_x() + band.get_width() == pytest.approx(row["high"])
    assert bar.get_width() == pytest.approx(3 * -0.04)
    assert [text.get_text() for text in ax.get_yticklabels()][:2] == ["none", "dropout 0.5"]


def test_heat_maps_hold_the_ratios(records: analysis.Records) -> None:
    frame = aggregate.spectrum_evolution(records)
    figures = spectrum_evolution(frame)
    assert len(figures) == 2
    ax = figures[0].axes[0]
    values = np.asarray(ax.collections[0].get_array()).reshape(3, 4)
    assert values[:, 0] == pytest.approx([0, 0, 0])  # white at epoch 0
    naive = frame[(frame["label"] == "none") & (frame["position"] == "first") & (frame["epoch"] == 3)]
    assert values[:, 3] == pytest.approx(np.log2(naive.sort_values("radius")["white_relative"]))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1", "√2"]
    shares = high_band_share(aggregate.high_band_share(records)).axes[0].collections[0].get_array()
    assert np.asarray(shares).reshape(3, 4)[:, 0] == pytest.approx([8 / 9] * 3)


def test_radii_are_written_by_hand() -> None:
    assert [radius_text(r) for r in (0.0, 1.0, 2**0.5, 2.0, 5**0.5, 8**0.5)] == ["0", "1", "√2", "2", "√5", "√8"]


def test_robustness_axis_starts_clean_and_names_parameters(records: analysis.Records) -> None:
    figure = robustness_curves(aggregate.robustness_curves(records))
    resize = next(ax for ax in figure.axes if ax.get_title() == "resize")
    assert [text.get_text() for text in resize.get_xticklabels()] == ["clean", "24", "16", "8"]
    assert resize.get_xlabel() == "unit of resize"
    none = resize.containers[0]
    assert none.get_label() == "none"
    assert list(none.lines[0].get_ydata()) == pytest.approx([80, 70, 60, 50])


def test_trade_off_marks_the_front_only_where_it_is_known(records: analysis.Records, tmp_path: Path) -> None:
    def dashed(frame: pd.DataFrame) -> int:
        return sum(line.get_linestyle() == "--" for ax in trade_off(frame).axes for line in ax.lines)

    assert dashed(aggregate.trade_off(records)) == 3
    single = analysis.load(write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:2]))
    assert dashed(aggregate.trade_off(single)) == 0


def test_strength_zero_has_its_own_place() -> None:
    places, zero = positions(np.array([0.0, 1e-4, 1e-3]))
    assert places == pytest.approx([-5, -4, -3])
    assert zero == -5
    assert positions(np.array([0.0]))[1] == 0


def test_strength_axis_shows_zero_and_decades(records: analysis.Records) -> None:
    frame = aggregate.strength_response(records, ["clean_accuracy"])
    ax = strength_response(frame, "weight_decay").axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "1e-4", "1e-3"]
    assert ax.get_ylabel() == "clean accuracy, %"
    assert ax.get_xlabel() == "weight decay strength"


def test_share_removed_has_a_line_for_each_layer(records: analysis.Records) -> None:
    left = share_removed(aggregate.regularizer_quantity(records)).axes[0]
    assert [line.get_ydata()[-1] for line in left.lines] == pytest.approx([10.1, 5.1])


def test_empty_frames_say_why(records: analysis.Records) -> None:
    empty = aggregate.ssr_trajectories(records).iloc[:0]
    assert ssr_trajectories(empty, empty).texts[0].get_text() == "No layer has an SSR."


def test_svg_follows_the_page_and_fetches_nothing(records: analysis.Records) -> None:
    frame = aggregate.regularizer_quantity(records)
    text = svg(share_removed(frame), "p")
    assert text == svg(share_removed(frame), "p")
    assert text.startswith("<svg")
    assert text.endswith("</svg>")
    assert "currentColor" in text
    assert "#1b1c1e" not in text
    assert "http" not in text
