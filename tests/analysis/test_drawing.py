"""The figures of some records, written as files."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import drawing
from tests.analysis.synthetic import SWEEP, write_run, write_sweep

REFERENCE = Path(__file__).parents[2] / "outputs" / "reference"


def test_words_are_plots_or_folders(tmp_path: Path) -> None:
    assert drawing.split(["ssr_bars", str(tmp_path)]) == (["ssr_bars"], [tmp_path])
    assert drawing.split([]) == ([], [])
    with pytest.raises(
        analysis.AnalysisError, match=r"no plot and no folder is called 'ssr_barz'\. Did you mean ssr_bars"
    ):
        drawing.split(["ssr_barz"])


def test_captions_stand_beside_the_files(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[1:3])
    files = list(drawing.drawn(analysis.load(root), ["strength_response"], tmp_path / "p", ["png", "svg"]))
    assert files[-1] == tmp_path / "p" / "captions.md"
    assert {file.suffix for file in files} == {".png", ".svg", ".md"}
    text = files[-1].read_text()
    assert all(file.name in text for file in files[:-1])
    assert "analysis.frames." in text


def test_configurations_that_are_not_drawn_are_named() -> None:
    records = analysis.load(REFERENCE / "rivals_short")
    assert drawing.left_out(records) == (
        "In figures of lines and panels 12 of 16 configurations are drawn, evenly spaced in the table's order and not "
        "chosen by outcome; the tables hold all. Draw others with --where KEY=VALUE. Left out: band_limit 0.5, "
        "frequency_penalty 0.005, orthogonality 0.001, spectral_mask."
    )
    assert drawing.left_out(analysis.load(REFERENCE / "mask_table2_short")) == ""


def test_no_complete_run_is_one_message(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "lost", SWEEP[0], 0, clean=None, status="diverged", layers=())
    with pytest.raises(analysis.AnalysisError, match="s: no run is complete, so there is nothing to draw"):
        list(drawing.drawn(analysis.load(tmp_path / "s"), [], tmp_path / "p", ["png"]))
    assert not (tmp_path / "p").exists()


def test_a_folder_that_cannot_be_made(sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(analysis.AnalysisError, match=r"file: cannot be made \(File exists\)\. Give another -o FOLDER"):
        list(drawing.drawn(analysis.load(sweep), ["ssr_bars"], tmp_path / "file", ["png"]))


def test_settings_beyond_six_are_named_and_not_drawn(tmp_path: Path) -> None:
    for i in range(8):
        write_run(tmp_path / "s" / f"r{i}", {"regularizer": "none", "batch_size": i + 1}, 0, layers=())
    records = analysis.load(tmp_path / "s")
    assert "The first 6 of 8 settings" in drawing.left_out(records)
    assert "batch_size=7" in drawing.left_out(records)
