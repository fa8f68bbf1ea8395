"""Runs that fit functions in tables: errors instead of accuracies, alone and beside runs that classify."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import aggregate, compare, metric, table
from analysis.__main__ import main
from analysis.load import AnalysisError
from analysis.metric import larger_is_better
from analysis.report.comparison import MARKS, comparison
from analysis.rows import by_configuration, marked
from tests.analysis.fitted import fitted
from tests.analysis.synthetic import cell, edit, write_run

HEADLINE = ["train_mse", "validation_mse", "test_mse", "explained_variance/5", "explained_variance/50"]


def test_the_headline_is_errors_and_explained_variances(tmp_path: Path) -> None:
    records = fitted(tmp_path)
    assert metric.headline(records) == HEADLINE
    frame = aggregate.headline(records, HEADLINE)
    for name, mean in zip(HEADLINE, (0.045, 0.03, 0.015, 0.91, 0.31), strict=True):
        assert cell(frame, label="none", metric=name)["mean"] == pytest.approx(mean)
    error = cell(frame, label="none", metric="test_mse")
    assert error["half_width"] == pytest.approx(12.706205 * 0.005)  # t(.975, 1) sd / sqrt 2 of .01 and .02
    assert cell(frame, label="weight_decay 0.001", metric="explained_variance/50")["mean"] == pytest.approx(0.155)


def test_a_mean_squared_error_is_no_cross_entropy(tmp_path: Path) -> None:
    frame = aggregate.headline(fitted(tmp_path), ["clean_loss", "validation_loss", "train_loss", "clean_accuracy"])
    assert frame["mean"].isna().all()
    assert metric.describe("test_mse").unit == "mse"


def test_the_table_shows_them_with_their_definitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tmp_path)
    assert main(["table", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "0.015 ± 0.0635" in text
    assert "MSE: mean squared error" in text
    assert "Accurac" not in text
    assert "clean" not in text


def test_mixed_folders_have_both_and_each_run_its_own(tmp_path: Path) -> None:
    fitted(tmp_path)
    write_run(tmp_path / "c0", {"regularizer": "none", "dataset": "digits"}, 0)
    records = analysis.load(tmp_path)
    names = metric.headline(records)
    assert names == [*metric.DEFAULT, *HEADLINE]
    frame = aggregate.headline(records, names)
    classified = frame[frame["context"].str.contains("digits")].set_index("metric")["mean"]
    fitting = frame[frame["context"].str.contains("sinusoids") & (frame["regularizer"] == "none")]
    assert classified["clean_accuracy"] == pytest.approx(0.8)
    assert classified[HEADLINE].isna().all()
    assert fitting.set_index("metric")["mean"][["clean_accuracy", "corrupted_accuracy"]].isna().all()
    assert "Accuracies: test split" in " ".join(table.footer(records, names))


def test_differences_are_of_the_error_and_every_frequency(tmp_path: Path) -> None:
    records = fitted(tmp_path, seeds=(0, 1, 2))
    frame = compare.differences(records)
    assert list(frame["metric"]) == ["test_mse", "explained_variance/5", "explained_variance/50"]
    assert list(frame["mean"]) == pytest.approx([0, -(0.9 + 0.02) / 2, -(0.3 + 0.02) / 2])


def test_more_explained_and_less_error_is_better(tmp_path: Path) -> None:
    rows = marked(by_configuration(fitted(tmp_path, seeds=(0, 1, 2, 3, 4)), HEADLINE))
    assert rows.marks is not None
    marks = rows.marks.unstack()
    assert marks.loc[0, "explained_variance/50"] == "best"
    assert marks.loc[1, "explained_variance/50"] == ""
    assert (larger_is_better("test_mse"), larger_is_better("explained_variance/50")) == (False, True)


def test_an_unknown_frequency_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        AnalysisError, match=r"explained_variance/51.*Did you mean explained_variance/5 or explained_variance/50"
    ):
        metric.check(fitted(tmp_path), ["explained_variance/51"])


def test_the_report_marks_what_the_table_marks(tmp_path: Path) -> None:
    """The best mean squared error is the smallest, wherever it is said."""
    seeds = (0, 1, 2, 3, 4)
    fitted(tmp_path, seeds=seeds)
    for seed in seeds:
        worse = {"clean_loss": 1.0, "validation_loss": 1.1, "train_loss": 1.2}
        edit(tmp_path / f"f1-{seed}", "run", lambda run, seed=seed, worse=worse: run.assign(
            **{name: value + 0.01 * seed**2 for name, value in worse.items()}))  # fmt: skip
    records = analysis.load(tmp_path)
    marks = marked(by_configuration(records, HEADLINE)).marks
    assert marks is not None
    assert set(marks[0]) == {"best"}
    shown = comparison(records)
    for place, row in enumerate(shown.rows):
        found = dict(zip(shown.metrics, row.cells[shown.leading + 1 :], strict=True))
        assert {name: found[name].mark for name in HEADLINE} == {n: MARKS.get(marks[place, n], "") for n in HEADLINE}


def test_compared_errors_are_no_accuracies(tmp_path: Path) -> None:
    assert "accuracies" not in " ".join(compare.footer(compare.differences(fitted(tmp_path, seeds=(0, 1, 2)))))
