"""The report of runs that fit functions: explained variance over training, and the function moved by a slider."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.frames import function
from analysis.interactive import plates
from analysis.interactive.chart import Chart, Look, sparse
from analysis.interactive.function_fit import function_fit
from analysis.report import document
from analysis.watched import Watched
from tests.analysis.fitted import fitted
from tests.analysis.page import Page

LOOK = Look({"none": "--c0-0"}, {"none": "circle"}, {"none": 0})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fitted")
    fitted(root)
    return root


@pytest.fixture(scope="module")
def charts(folder: Path) -> dict[str, Chart]:
    (group,) = plates.groups(Watched(analysis.load(folder)))
    return {chart.key: chart for chart in [*group.charts, *group.fit]}


def test_explained_variance_is_drawn_for_each_frequency_with_its_interval(charts: dict[str, Chart]) -> None:
    rows = charts["explained"].data["explained"]
    assert rows["panel"].unique().tolist() == ["frequency 5", "frequency 50"]
    (last,) = rows[
        (rows["configuration"] == "none") & (rows["panel"] == "frequency 50") & (rows["x"] == 30)
    ].itertuples()
    # Seeds .30 and .32; t(.975, 1) sd / sqrt 2 = 12.706 x .01. Epoch 3 of 10 updates each.
    assert (last.mean, last.n) == (pytest.approx(0.31), 2)
    assert (last.low, last.high) == (pytest.approx(0.31 - 0.12706, abs=1e-4), pytest.approx(0.31 + 0.12706, abs=1e-4))
    five = rows[(rows["panel"] == "frequency 5") & (rows["x"] == 30)]
    assert five["high"].max() == 1  # .91 + .127 is cut


def test_both_charts_are_valid_and_described(charts: dict[str, Chart]) -> None:
    for key in ("explained", "fit"):
        chart = charts[key]
        alt.Chart.from_dict({name: part for name, part in chart.spec.items() if name != "usermeta"})
        assert chart.query
        assert chart.message.endswith(".")


def test_the_fit_holds_every_recorded_epoch_with_the_function_to_fit(charts: dict[str, Chart]) -> None:
    rows = charts["fit"].data["scrub"]
    assert sorted(rows["epoch"].unique()) == [0, 3]
    assert len(rows) == 2 * 2 * 8  # configurations, epochs, places
    quarter = rows[(rows["configuration"] == "none") & (rows["epoch"] == 3) & (rows["position"] == 0.25)].iloc[0]
    assert (quarter["target"], quarter["mean"]) == (pytest.approx(1), pytest.approx(1.01))  # seeds 1 and 1.02
    assert {"name": "epoch", "value": 3} in charts["fit"].spec["params"]


def test_runs_that_fit_functions_have_errors_on_their_axes(folder: Path) -> None:
    (chart,) = plates.overall(Watched(analysis.load(folder)))
    titles = next(p["value"] for p in chart.spec["params"] if p["name"] == "titles")
    assert list(titles.values()) == ["regularizer", "strength", "validation MSE", "test MSE"]
    field = next(f for f, title in titles.items() if title == "test MSE")
    # Errors .01 and .02 of the two seeds: the ends of the axis, and its only marks.
    assert sorted(set(chart.data["parallel"][field])) == [0, 1]
    ticks = chart.data["ticks"]
    assert ticks.loc[ticks["axis"] == field, "text"].tolist() == ["0.01", "0.02"]


def test_long_functions_and_many_epochs_are_thinned_evenly() -> None:
    epochs, places = np.arange(100), np.arange(1024) / 1024
    frame = pd.DataFrame({
        "configuration": "none", "label": "none", "epoch": np.repeat(epochs, 1024), "position": np.tile(places, 100),
        "target": 0.0, "mean": 1.0,
    })  # fmt: skip
    rows = function_fit(frame, LOOK).data["scrub"]
    kept = sorted(rows["epoch"].unique())
    assert (len(kept), kept[0], kept[-1]) == (30, 0, 99)
    assert set(np.diff(kept)) <= {3, 4}
    assert rows["position"].nunique() == 256


def test_long_lines_have_a_dozen_markers_and_short_ones_all() -> None:
    assert sparse(pd.Series(range(20))).tolist() == [1] * 20
    marked = sparse(pd.Series(range(300)))
    assert marked.sum() == 12
    assert marked.iloc[-1] == 1


def test_the_page_has_a_slider_for_the_fit_and_none_for_spectra(folder: Path) -> None:
    page = Page(document.html(analysis.load(folder)))
    assert '<section id="fit">' in page.text
    assert 'href="#fit"' in page.text
    assert 'data-figures="g0-fit"' in page.text
    assert '<section id="scrubber">' not in page.text
    assert len(page.frame("0-scrub")) == 32
    assert len(function.function_fit(analysis.load(folder))) == 32
