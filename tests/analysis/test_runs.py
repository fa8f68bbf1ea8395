"""One row a run."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import runs
from tests.analysis.synthetic import SWEEP, clean_accuracy, write_run, write_sweep


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 configurations x 3 seeds, one run lost, one far from the others."""
    folder = write_sweep(tmp_path_factory.mktemp("runs") / "s", sweep=SWEEP[:2])
    write_run(folder / "inner" / "lost", SWEEP[1], 3, clean=None, status="diverged", detail="loss is NaN")
    write_run(folder / "far", SWEEP[0], 4, clean=0.5)
    return folder


def test_every_run_is_listed_with_its_values_and_folder(root: Path) -> None:
    frame = runs.listing(analysis.load(root), ["clean_accuracy", "accuracy/resize/16"], [root])
    assert frame["directory"].tolist() == [
        "run-0-0", "run-0-1", "run-0-2", "far", "run-1-0", "run-1-1", "run-1-2", "inner/lost",
    ]  # fmt: skip
    expected = [*(clean_accuracy(0, s) for s in range(3)), 0.5, *(clean_accuracy(1, s) for s in range(3))]
    assert frame["clean_accuracy"].tolist()[:7] == pytest.approx(expected)
    assert frame["accuracy/resize/16"].tolist()[:7] == pytest.approx([value - 0.2 for value in expected])
    assert frame.iloc[7][["clean_accuracy", "accuracy/resize/16"]].isna().all()
    assert frame.iloc[7][["seed", "status", "status_detail"]].tolist() == ["3", "diverged", "loss is NaN"]


def test_the_outlier_is_named_with_its_distance(root: Path) -> None:
    frame = runs.listing(analysis.load(root), ["clean_accuracy"], [root])
    text = " ".join(runs.footer(frame, ["clean_accuracy"]))
    others = sum(clean_accuracy(0, s) for s in range(3)) / 3
    assert f"clean %: far ({100 * (0.5 - others):.2f})" in text


def test_two_seeds_have_no_outlier(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:1], layers=())
    frame = runs.listing(analysis.load(folder), ["clean_accuracy"], [folder])
    assert len(runs.footer(frame, ["clean_accuracy"])) == 1


def test_sorting_puts_runs_without_a_value_last(root: Path) -> None:
    frame = runs.listing(analysis.load(root), ["clean_accuracy"], [root])
    assert runs.ordered(frame, "clean_accuracy")["run_name"].tolist()[0::7] == ["far", "lost"]
    assert runs.ordered(frame, "-clean_accuracy")["run_name"].tolist()[-2:] == ["far", "lost"]
    assert runs.ordered(frame, "-seed")["seed"].tolist()[:2] == ["4", "3"]
    assert runs.ordered(frame, "regularizer")["config.regularizer"].tolist()[0] == "none"
    with pytest.raises(analysis.AnalysisError, match=r"no column 'sed'\. Columns here: directory, run_id"):
        runs.ordered(frame, "sed")


def test_folders_that_share_a_name_tell_nothing(tmp_path: Path) -> None:
    for i, part in enumerate(("a", "b")):
        write_run(tmp_path / part / f"r{i}", {"regularizer": "none"}, i, layers=())
    (tmp_path / "b" / "r1").rename(tmp_path / "b" / "r0")
    frame = runs.listing(analysis.load(tmp_path), ["clean_accuracy"], [tmp_path])
    assert frame["directory"].isna().all()


def test_cells(root: Path) -> None:
    frame = runs.listing(analysis.load(root), ["clean_accuracy"], [root])
    names, heads, texts = runs.cells(frame, ["clean_accuracy"])
    assert [*names, *heads] == ["run", "configuration", "seed", "status", "clean %"]
    assert texts[0] == ["run-0-0", "none", "0", "complete", "79.00"]
    assert texts[-1] == ["inner/lost", "weight_decay 0.0001", "3", "diverged", "–"]
