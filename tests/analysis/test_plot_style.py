"""Colours, legends and texts that all plots share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from analysis.palette import PALETTE, shades
from analysis.plot.style import (
    depth_ticks,
    house_style,
    in_reading_order,
    legend_below,
    null_label,
    panels,
    radius_text,
    seeds,
    short,
    spread,
    styles,
    two_lines,
)


def test_a_regularizer_keeps_its_colour_and_strengths_get_darker() -> None:
    frame = pd.DataFrame(
        {"configuration": list("abcde"), "regularizer": ["none", "weight_decay", "weight_decay", "x", "y"],
         "strength": [np.nan, 1e-4, 1e-3, np.nan, np.nan]}
    )  # fmt: skip
    look = styles(frame)
    assert look["a"].color == PALETTE["none"][0]
    light, dark = (int(look[key].color[1:3], 16) for key in "bc")
    assert light > dark
    assert len({style.color for style in look.values()}) == 5
    assert len({style.marker for style in look.values()}) == 5


def test_lines_differ_where_the_markers_are_used_up() -> None:
    names = [f"c{i}" for i in range(12)]
    frame = pd.DataFrame({"configuration": names, "regularizer": "weight_decay", "strength": np.arange(1.0, 13.0)})
    look = styles(frame)
    assert len({(style.marker, str(style.line)) for style in look.values()}) == 12


@pytest.mark.parametrize(
    ("n", "text"), [([3, 3], "n = 3 seeds"), ([2, 3, 0], "n = 2 to 3 seeds"), ([1], "n = 1 seed"), ([0], ""), ([], "")]
)
def test_n_is_said_as_it_is(n: list[int], text: str) -> None:
    assert seeds(pd.DataFrame({"n": pd.Series(n, dtype="Int64")})) == text


def test_one_seed_has_no_interval() -> None:
    assert spread(pd.DataFrame({"n": [1, 3]})) == "mean and 95% interval, n = 1 to 3 seeds"
    assert spread(pd.DataFrame({"n": [1, 1]})) == "n = 1 seed, which has no interval"


def test_radii_are_written_by_hand() -> None:
    assert [radius_text(r) for r in (0.0, 1.0, 2**0.5, 2.0, 5**0.5, 8**0.5)] == ["0", "1", "√2", "2", "√5", "√8"]


def test_twenty_layers_get_ten_ticks() -> None:
    assert depth_ticks(list(range(20))) == (list(range(0, 20, 2)), [str(i) for i in range(0, 20, 2)])
    assert depth_ticks([4, 7]) == ([0, 1], ["4", "7"])


def test_strangers_texts_are_short_and_printable() -> None:
    assert short("a\x1b[31m\nb") == "a?[31m b"
    assert short("x" * 99, 10) == "x" * 9 + "…"


def test_a_row_s_label_takes_two_lines_at_most() -> None:
    assert two_lines("weight_decay 0.001") == "weight_decay 0.001"
    assert two_lines("spectral_mask (threshold=0.5)") == "spectral_mask\n(threshold=0.5)"
    assert two_lines("a" * 20 + " bcd efg") == "a" * 20 + " bcd\nefg"
    assert two_lines("a b " + "c" * 90) == "a b\n" + "c" * 23 + "…"
    assert two_lines("x" * 30) == "x" * 30


def test_panels_come_in_reading_order() -> None:
    frame = pd.DataFrame({"normalization": ["energy", "dc", "zz"], "position": ["last", "last", "first"]})
    assert in_reading_order(frame, ["normalization", "position"]) == [
        ("dc", "last"),
        ("energy", "last"),
        ("zz", "first"),
    ]


@pytest.mark.parametrize("labels", [["a"], ["a" * 60] * 12, [f"weight_decay {i}" for i in range(12)]])
def test_a_legend_stays_inside_the_figure(labels: list[str]) -> None:
    with house_style():
        figure, _ = panels(1)
        legend_below(figure, [Line2D([], []) for _ in labels], labels, "a note")
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert box.y0 >= 0


def test_sixteen_regularizers_are_told_apart() -> None:
    names = ["none", "weight_decay", *(f"other{i}" for i in range(14))]
    frame = pd.DataFrame({"configuration": names, "regularizer": names, "strength": [float("nan")] * 16})
    assert len({(shade.light, shade.shape) for shade in shades(frame).values()}) == 16


def test_regularizers_look_alike_whatever_else_is_in_the_figure() -> None:
    names = [path.stem for path in (Path(__file__).parents[2] / "conf" / "regularizer").glob("*.yaml")]
    names = sorted(name for name in names if name != "weight_decay_1e-2")  # a preset of weight_decay

    def look(shown: list[str]) -> dict[str, tuple[str, str]]:
        frame = pd.DataFrame({"configuration": shown, "regularizer": shown, "strength": float("nan")})
        return {name: (shade.light, shade.shape) for name, shade in shades(frame).items()}

    everything = look(names)
    assert len(set(everything.values())) == len(names) == 17
    for left_out in range(0, len(names), 5):
        fewer = names[left_out + 5 :] + names[:left_out]
        assert look(fewer) == {name: everything[name] for name in fewer}


@pytest.mark.parametrize("n", [20, 100, 10_000])
def test_the_nulls_entry_fits_a_legend(n: int) -> None:
    label = null_label(pd.DataFrame({"n": [n]}))
    assert short(label) == label


def test_a_combination_of_strength_zero_has_no_grey_of_none_as_its_other_part_is_on() -> None:
    names = ["none", "spectral_mask+weight_decay", "weight_decay"]
    frame = pd.DataFrame({"configuration": names, "regularizer": names, "strength": [None, 0.0, 0.0]})
    none, combined, alone = (shades(frame)[name].light for name in names)
    assert alone == none != combined
