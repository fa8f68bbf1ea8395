"""A few runs beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import side_by_side
from tests.analysis.synthetic import SWEEP, write_run


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs: none, weight decay, and weight decay with another seed that was never tested."""
    root = tmp_path_factory.mktemp("runs")
    write_run(root / "plain", SWEEP[0], 0, clean=0.8, suppression=0.1)
    write_run(root / "decay", {**SWEEP[1], "epochs": 5}, 0, clean=0.85, suppression=0.2)
    write_run(root / "lost", SWEEP[1], 7, clean=None, status="failed")
    return [root / name for name in ("plain", "decay", "lost")]


def test_only_differing_keys_are_shown_seed_and_status_last(folders: list[Path]) -> None:
    frame = side_by_side.choices(side_by_side.loaded(folders))
    keys = ["epochs", "regularizer", "regularizer.decoupled", "regularizer.weight_decay"]
    assert frame.index.tolist() == [*keys, "seed", "status"]
    assert frame.loc["epochs"].tolist() == ["3", "5", "3"]
    assert frame.loc["regularizer.decoupled"].tolist() == ["–", "false", "false"]
    assert frame.loc["status"].tolist() == ["complete", "complete", "failed"]


def test_values_and_differences_from_the_first(folders: list[Path]) -> None:
    frame = side_by_side.measured(side_by_side.loaded(folders), ["clean_accuracy", "ssr/last/dc/init"])
    assert list(frame) == ["metric", "A", "B", "C", "B-A", "C-A"]
    clean, ssr = frame.iloc[0], frame.iloc[1]
    assert (clean["A"], clean["B"], clean["B-A"]) == pytest.approx((0.8, 0.85, 0.05))
    assert clean[["C", "C-A"]].isna().all()
    # Layer of depth 2 after 3 epochs: suppression x 3 x 3.
    assert (ssr["A"], ssr["B"], ssr["B-A"]) == pytest.approx((0.9, 1.8, 0.9))


@pytest.mark.parametrize("width", [60, 80])
def test_the_text_says_that_single_runs_rank_nothing(folders: list[Path], width: int) -> None:
    runs = side_by_side.loaded(folders)
    text = side_by_side.text(folders, runs, side_by_side.default_metrics(runs), width=width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    assert "A: plain B: decay C: lost" in words
    assert "no interval, no test and no ranking" in words
    assert "Caution: a run that is not complete" in words
    assert "±" not in text
    clean = " ".join(line for line in text.splitlines() if line.startswith("clean %")).replace("clean %", "")
    assert clean.split() == ["80.00", "85.00", "–", "+5.00", "–"]


def test_equal_runs_are_said_to_be_equal(folders: list[Path]) -> None:
    runs = side_by_side.loaded([folders[0], folders[0]])
    text = side_by_side.text([folders[0]] * 2, runs, ["clean_accuracy"])
    assert "The configurations are equal, the seed too." in text


def test_folders_of_one_name_are_told_apart_by_their_paths() -> None:
    assert side_by_side.names([Path("a/run"), Path("b/run")]) == {"A": "a/run", "B": "b/run"}


def test_markup_escapes_what_is_a_strangers_text(tmp_path: Path) -> None:
    for i, tag in enumerate(("<b>|", "5%_$")):
        write_run(tmp_path / f"r{i}", {"regularizer": "none", "tag": tag}, i, layers=())
    paths = [tmp_path / "r0", tmp_path / "r1"]
    runs = side_by_side.loaded(paths)
    assert "| tag | &lt;b&gt;\\| | 5%\\_\\$ |" in side_by_side.text(paths, runs, ["clean_accuracy"], "markdown")
    assert r"tag & \textless{}b\textgreater{}\textbar{} & 5\%\_\$ \\" in side_by_side.text(
        paths, runs, ["clean_accuracy"], "latex"
    )


def test_too_many_runs_and_unknown_metrics(folders: list[Path]) -> None:
    with pytest.raises(analysis.AnalysisError, match="27 runs beside each other: at most 26 fit"):
        side_by_side.loaded([folders[0]] * 27)
    with pytest.raises(analysis.AnalysisError, match="unknown metric 'clean'"):
        side_by_side.measured(side_by_side.loaded(folders[:2]), ["clean"])
