"""Interactive charts: valid Vega-Lite, only names of ours in fields and expressions, data as computed."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.frames import ssr
from analysis.interactive import data, plates
from analysis.interactive.chart import Chart, cut
from analysis.palette import PALETTE, lightness_of, mixed, shades
from analysis.watched import Watched
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

PACKAGE = Path(plates.__file__).parent


@pytest.fixture(scope="module")
def charts(sweep: Path) -> dict[str, Chart]:
    records = Watched(analysis.load(sweep))
    (group,) = plates.groups(records)
    return {chart.key: chart for chart in [*group.charts, *group.scrubber, *plates.overall(records)]}


def test_every_specification_is_valid_vega_lite(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        spec = {key: part for key, part in chart.spec.items() if key != "usermeta"}
        alt.Chart.from_dict(spec)  # validates against the schema
        assert spec["data"]["name"] in chart.data


def test_every_chart_is_described(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        assert chart.title
        assert chart.message.endswith(".")
        assert chart.source.startswith("analysis.")
        assert chart.query or chart.key == "alltradeoffs"
        assert chart.caption or chart.key.startswith("scrub")


def parts(spec: Any, wanted: str) -> list[Any]:
    if isinstance(spec, dict):
        here = [spec[wanted]] if wanted in spec else []
        return here + [found for part in spec.values() for found in parts(part, wanted)]
    return [found for part in spec for found in parts(part, wanted)] if isinstance(spec, list) else []


def test_fields_are_columns_of_the_data(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        columns = {column for frame in chart.data.values() for column in frame} | {"axis", "at", "robust"}
        assert set(parts(chart.spec, "field")) <= columns, chart.key


def test_expressions_name_only_columns_and_parameters(charts: dict[str, Chart]) -> None:
    for chart in charts.values():
        columns = {column for frame in chart.data.values() for column in frame} | {"value", "label"}
        known = {p["name"] for p in chart.spec["params"]} | {"datum", "length", "indexof", "format"}
        for expression in [*parts(chart.spec, "filter"), *parts(chart.spec, "test"), *parts(chart.spec, "labelExpr")]:
            bare = re.sub(r"'[^']*'", "", expression)
            assert set(re.findall(r"datum\.(\w+)", bare)) <= columns
            assert set(re.findall(r"(?<![\w.])[a-zA-Z_]\w*", bare)) <= known | {"e"} | {"true"}, expression


def test_every_chart_file_is_drawn_by_the_report() -> None:
    text = (PACKAGE / "plates.py").read_text()
    for file in PACKAGE.glob("*.py"):
        if file.stem not in ("__init__", "chart", "data", "plates"):
            assert re.search(rf"\b{file.stem}\b", text), file.name


def test_trajectories_hold_the_frame_and_its_null(charts: dict[str, Chart], sweep: Path) -> None:
    rows = charts["ssr"].data["ssr"]
    frame = ssr.ssr_trajectories(analysis.load(sweep))
    lines = rows[rows["kind"] == "ssr"]
    assert len(lines) == len(frame)
    assert lines["mean"].sum() == pytest.approx(frame["mean"].sum())
    assert set(rows.loc[rows["kind"] == "null", "panel"]) == set(lines["panel"])


def test_the_front_is_that_of_the_means(charts: dict[str, Chart]) -> None:
    rows = charts["tradeoff"].data["tradeoff"].query("corruption == 'all'")
    # The synthetic sweep's last configuration is best in both.
    assert rows.loc[rows["on_front"] == 1, "clean"].tolist() == [rows["clean"].max()]


def test_strength_zero_stands_left_of_all_strengths(charts: dict[str, Chart]) -> None:
    rows = charts["strength"].data["strength"]
    assert rows.loc[rows["strength"] == 0, "at"].unique().tolist() == pytest.approx([1e-5])
    assert rows.loc[rows["strength"] > 0, "at"].tolist() == rows.loc[rows["strength"] > 0, "strength"].tolist()


def test_runs_that_diverged_lie_in_the_lane(tmp_path: Path) -> None:
    write_sweep(tmp_path / "s", (0, 1), SWEEP[:3])
    write_run(tmp_path / "s" / "lost", SWEEP[1], 5, clean=None, status="diverged")
    (chart,) = plates.overall(Watched(analysis.load(tmp_path / "s")))
    lines, ticks = chart.data["parallel"], chart.data["ticks"]
    lost = lines[lines["status"] == "diverged"].iloc[0]
    assert lost["seed"] == "5"
    titles = next(p["value"] for p in chart.spec["params"] if p["name"] == "titles")
    clean = next(field for field, title in titles.items() if title == "clean accuracy")
    assert lost[clean] == -0.14
    assert (lines.loc[lines["status"] == "complete", clean] >= 0).all()
    assert ticks.loc[ticks["axis"] == clean, "text"].iloc[-1] == "none"
    # Decay 1e-4 and 1e-3 lie at the ends of their logarithmic axis.
    strength = next(field for field, title in titles.items() if title == "strength")
    assert sorted(set(lines[strength])) == [-0.14, 0, 1]


def test_columns_survive_the_packing() -> None:
    frame = pd.DataFrame({
        "long": ["a", "a", "a", "b"], "mixed": ["x", None, "x", "y"], "number": [1.0, 0.1234567, float("nan"), -2e-9],
        "flag": [True, False, False, False], "same": [5, 5, 5, 5],
    })  # fmt: skip
    packed = data.columns(frame)
    assert packed["rows"] == 4
    assert packed["columns"] == {
        "long": {"v": ["a", "b"], "r": [0, 3, 1, 1]},
        "mixed": {"v": ["x", "y"], "i": [0, -1, 0, 1]},
        "number": [1, 0.12346, None, -2e-09],
        "flag": [1, 0, 0, 0],
        "same": {"v": [5], "r": [0, 4]},
    }
    json.dumps(packed, allow_nan=False)


def test_embedded_json_cannot_close_its_element() -> None:
    text = data.inert({"label": "</script><script>alert(1)<!--", "and": "a & b"})
    assert "<" not in text
    assert ">" not in text
    assert json.loads(text) == {"label": "</script><script>alert(1)<!--", "and": "a & b"}


def test_colours_go_from_faint_to_full_and_none_is_ink() -> None:
    frame = pd.DataFrame({
        "configuration": ["none", "wd 1", "wd 2", "odd", "wd 0"],
        "regularizer": ["none", "weight_decay", "weight_decay", "odd", "weight_decay"],
        "strength": [None, 1, 2, None, 0],
    })  # fmt: skip
    found = shades(frame)
    assert (found["none"].light, found["none"].dark) == PALETTE["none"] == (found["wd 0"].light, found["wd 0"].dark)
    assert found["odd"].light == shades(frame[frame["regularizer"] == "odd"])["odd"].light
    assert len({shade.shape for shade in found.values()}) == 5
    # 65% of the way from black to white, by hand.
    assert mixed("#000000", "#ffffff", 0.65) == "#a6a6a6"


@pytest.mark.parametrize("number", [2, 3, 4, 5, 9, 12])
def test_neighbouring_strengths_differ_in_lightness_and_dash(number: int) -> None:
    names = [f"wd {i}" for i in range(number)]
    frame = pd.DataFrame({"configuration": names, "regularizer": "weight_decay", "strength": range(1, number + 1)})
    found = [shades(frame)[name] for name in names]
    for a, b in pairwise(found):
        assert abs(lightness(a.light) - lightness(b.light)) >= 25
        assert abs(lightness(a.dark) - lightness(b.dark)) >= 25
        assert a.dash != b.dash
    if number <= 3:
        order = [lightness(shade.light) for shade in found]
        assert order == sorted(order, reverse=True)


def lightness(color: str) -> float:
    """CIE L* by way of the luminance of linear sRGB (IEC 61966-2-1), with numpy."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16)


def test_lightness_by_hand() -> None:
    # L* of white is 100; of #777777: Y = .184475, 116 * .569290 - 16 = 50.04.
    assert lightness_of("#ffffff") == pytest.approx(100, abs=0.01)
    assert lightness_of("#777777") == pytest.approx(50.03, abs=0.02)


def test_intervals_of_accuracies_are_cut_and_others_are_not() -> None:
    frame = pd.DataFrame({"low": [-0.2, -0.2, 0.4], "high": [1.3, 1.3, 0.6]})
    shown = cut(frame, pd.Series([True, False, True]))
    assert shown["low"].tolist() == [0.0, -0.2, 0.4]
    assert shown["high"].tolist() == [1.0, 1.3, 0.6]


def test_queries_are_remembered_only_where_asked(sweep: Path) -> None:
    records = Watched(analysis.load(sweep))
    records.sql("SELECT 1")
    with records.asked() as queries:
        records.sql("SELECT 2\n     AS two")
        records.sql("SELECT 2 \n AS two")
    records.sql("SELECT 3")
    assert queries == ["SELECT 2\nAS two"]
