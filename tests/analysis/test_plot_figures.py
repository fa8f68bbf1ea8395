"""Plots found by their files, made from records, saved as pictures."""

from __future__ import annotations

import functools
import inspect
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import analysis
from analysis import figures
from analysis.load import AnalysisError
from analysis.plot.base import Moving, Plot, source
from tests.analysis.synthetic import write_run, write_sweep

HERE = Path(__file__).parent


def test_every_file_of_the_folder_is_a_plot_with_a_test() -> None:
    files = {file.stem for file in (HERE.parents[1] / "analysis" / "plot").glob("*.py")}
    assert set(figures.names()) == files - {"__init__", "base", "style"}
    assert len(figures.names()) >= 15


@pytest.mark.parametrize("name", figures.names())
def test_a_declaration_is_whole(name: str) -> None:
    plot = figures.declaration(name)
    assert isinstance(plot, Plot)
    assert plot.title
    assert not plot.title.endswith(".")
    assert plot.caption.endswith(".")
    assert "  " not in plot.caption
    assert (HERE / f"test_plot_{name}.py").is_file()
    for frame in plot.frames:
        function = frame.func if isinstance(frame, functools.partial) else frame
        assert function.__module__.startswith("analysis.frames.")
        assert next(iter(inspect.signature(function).parameters)) == "records"


@pytest.mark.parametrize("name", figures.names())
def test_frames_without_a_row_are_drawn_as_a_sentence(name: str, sweep: Path) -> None:
    plot = figures.declaration(name)
    records = analysis.load(sweep)
    drawn = plot.draw(*(frame(records).iloc[:0] for frame in plot.frames))
    for picture in drawn.values():
        figure = picture.figure if isinstance(picture, Moving) else picture
        assert [text.get_text()[-1] for text in figure.texts] == ["."]


def test_all_that_the_records_allow(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert figures.contexts(records) == [""]
    made = {plate.name: plate for plate in figures.plates(records, "")}
    assert "search_front" not in made
    assert {"ssr_trajectories", "spectrum_evolution-first", "robustness_map-difference", "pareto_front"} <= set(made)
    plate = made["ssr_by_depth"]
    assert plate.title == "SSR by depth"
    assert plate.caption.endswith("n = 3 seeds.")
    calls = "analysis.frames.ssr.ssr_by_depth(records); analysis.frames.ssr.null_distribution(records, layers=())"
    assert plate.source == calls
    assert made["spectrum_evolution-last"].title == "Spectrum over training: last"
    assert [plate.name for plate in figures.animations(records, "")] == ["spectrum_motion"]


def test_a_source_can_be_called_as_it_is_written(sweep: Path) -> None:
    records = analysis.load(sweep)
    call = figures.declaration("ssr_by_depth").frames[1]
    from analysis.frames import ssr  # noqa: F401  what a reader imports

    found = eval(source(call), {"analysis": analysis, "records": records})
    assert sorted(found["position"].unique()) == ["conv1", "layer1.conv1", "layer2.conv1"]
    assert found[["position", "low", "high"]].equals(call(records)[["position", "low", "high"]])


def test_a_plot_asked_for_by_name_says_why_it_is_empty(sweep: Path) -> None:
    records = analysis.load(sweep)
    (plate,) = figures.plates(records, "", ["search_front"])
    assert plate.figure.texts[0].get_text() == "No search left a complete trial."
    with pytest.raises(AnalysisError, match=r"unknown plot 'ssr_bar'. Did you mean ssr_bars"):
        list(figures.plates(records, "", ["ssr_bar"]))


def test_contexts_have_their_own_files_even_under_like_names(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    for i, model in enumerate(("a b", "a-b", "$<c>")):
        write_run(folder / f"{i}", {"regularizer": "none", "model": model}, 0)
    records = analysis.load(folder)
    assert figures.contexts(records) == ["$<c>", "a b", "a-b"]
    found = [p.name for c in figures.contexts(records) for p in figures.plates(records, c, ["ssr_trajectories"])]
    assert [name for name in found if "every" not in name] == ["ssr_trajectories-c", "ssr_trajectories-a-b-2",
                                                               "ssr_trajectories-a-b-3"]  # fmt: skip
    # One figure of all contexts, with the first.
    runs = [p.name for c in figures.contexts(records) for p in figures.plates(records, c, ["parallel_coordinates"])]
    assert runs == ["parallel_coordinates"]


def test_of_many_configurations_a_dozen_is_drawn_and_said(tmp_path: Path) -> None:
    sweep = [{"regularizer": "weight_decay", "regularizer.weight_decay": 10.0**-i} for i in range(15)]
    records = analysis.load(write_sweep(tmp_path / "s", (0,), sweep))
    curves, front = figures.plates(records, "", ["robustness_curves", "trade_off"])
    assert "12 of 15 configurations are drawn" in curves.caption
    assert "of 15" not in front.caption
    assert len(curves.figure.axes[0].containers) == 12


def test_files_are_equal_for_equal_records(sweep: Path, tmp_path: Path) -> None:
    formats = {"trade_off": ["png", "svg", "pdf", "gif"], "robustness_map": ["svg"], "parallel_coordinates": ["svg"]}
    for folder in ("one", "two"):
        for plate in figures.plates(analysis.load(sweep), "", list(formats)):
            wanted = next(formats[name] for name in formats if plate.name.startswith(name))
            written = figures.save(plate, tmp_path / folder, wanted)
            assert [path.suffix for path in written] == [f".{ending}" for ending in wanted if ending != "gif"]
    one, two = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    for left, right in zip(one, two, strict=True):
        assert left.read_bytes() == right.read_bytes()
        assert b"Date" not in left.read_bytes()


def test_a_png_has_the_dots_that_were_asked_for(tmp_path: Path) -> None:
    from PIL import Image

    plate = figures.Plate("x", "", "", "", Figure(figsize=(2, 1)))
    for dpi in (200, 300):
        (path,) = figures.save(plate, tmp_path, ["png"], dpi=dpi)
        with Image.open(path) as picture:
            assert picture.size == (2 * dpi, dpi)


def test_strangers_labels_are_text(tmp_path: Path) -> None:
    sweep = [{"regularizer": "none"}, {"regularizer": "$x^<b>&\x1b[31m_{1}$" + "y" * 80}]
    few = {"layers": ("conv1", "layer1.conv1"), "corruptions": {"resize": (24,)}, "draws": 3}
    records = analysis.load(write_sweep(tmp_path / "s", (0, 1), sweep, **few))
    for plate in figures.plates(records, ""):
        (path,) = figures.save(plate, tmp_path / "out", ["svg"])
        texts = [element.text or "" for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
        if plate.name == "ssr_trajectories":
            assert any(text.startswith("$x^<b>&?[31m_{1}$y") and text.endswith("…") for text in texts)
        assert not any("\x1b" in text for text in texts)


def test_a_moving_plate_is_saved_as_a_film_and_as_a_picture(sweep: Path, tmp_path: Path) -> None:
    (plate,) = figures.animations(analysis.load(sweep), "")
    png, gif = figures.save(plate, tmp_path, ["png", "gif"])
    assert png.name == "spectrum_motion.png"
    assert gif.read_bytes()[:6] == b"GIF89a"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    plate = figures.Plate("x", "", "", "", Figure(figsize=(1, 1)))
    with pytest.raises(AnalysisError, match=r"unknown format 'bmp'. There are: png, svg, pdf, gif, mp4."):
        figures.save(plate, tmp_path, ["bmp"])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AnalysisError, match=r"file/x.png: could not be written .*-o FOLDER"):
        figures.save(plate, tmp_path / "file", ["png"])
