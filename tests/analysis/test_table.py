"""The aggregated table as text."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import report, table
from tests.analysis.synthetic import SWEEP, write_run, write_sweep


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_fits_80_columns_and_shows_every_configuration_once_a_block(records: analysis.Records) -> None:
    lines = table.terminal(records).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("weight_decay 0.001") for line in lines) == 2


def test_cells_equal_a_naive_recomputation(records: analysis.Records) -> None:
    run = records["run"]
    values = run.loc[run["config.regularizer"] == "dropout", "clean_accuracy"].to_numpy()
    half = 4.302652729911275 * values.std(ddof=1) / math.sqrt(3)
    line = next(line for line in table.terminal(records).splitlines() if line.startswith("dropout 0.5"))
    assert f"{100 * np.mean(values):.2f} ± {100 * half:.2f}" in line


def test_only_differing_columns_are_shown(records: analysis.Records) -> None:
    names, _, _ = table.cells(records)
    assert names == ["regularizer", "n"]
    assert "resnet20" not in table.terminal(records)
    assert "batch_size" not in table.markdown(records)


def test_footer_says_interval_split_reference_and_null(records: analysis.Records) -> None:
    text = " ".join(table.terminal(records).split())
    for words in ("95% Student-t interval", "test split", "before the first update", "two random initialisations"):
        assert words in text


def test_one_seed_shows_no_interval(tmp_path: Path) -> None:
    text = table.terminal(analysis.load(write_sweep(tmp_path / "s", seeds=(1,))))
    assert "80.00" in text
    assert "±" not in text.partition("mean ± half-width")[0]


def test_incomplete_runs_are_named_and_counted(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", sweep=SWEEP[:2])
    write_run(root / "lost", SWEEP[1], 3, clean=None, status="diverged", detail="loss is NaN in epoch 2")
    text = table.terminal(analysis.load(root))
    assert "6 of 7 runs complete, 2 configurations." in text
    assert "lost: diverged (loss is NaN in epoch 2)" in text
    assert "3 of 4" in text


def test_all_diverged(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"a{seed}", SWEEP[0], seed, clean=None, status="diverged")
    text = table.terminal(analysis.load(tmp_path))
    assert "0 of 2 runs complete" in text
    assert "0 of 2" in next(line for line in text.splitlines() if line.startswith("none"))


def test_a_model_without_convolutions(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none", "model": "mlp"}, 0, layers=())
    text = table.terminal(analysis.load(tmp_path))
    assert "80.00" in text
    assert "SSR first dc/init" in text


def test_markdown_is_a_table_with_escaped_values(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none", "tag": "a|b"}, 0)
    write_run(tmp_path / "b", {"regularizer": "none", "tag": "<b>"}, 0)
    lines = table.markdown(analysis.load(tmp_path)).splitlines()
    assert lines[0].startswith("| tag | regularizer | n | clean % |")
    assert lines[1].startswith("| --- | --- | ---: |")
    assert lines[2].startswith("| &lt;b&gt; | none | 1 | 80.00 |")
    assert lines[3].startswith("| a\\|b | none | 1 |")


def test_many_differing_columns_still_fit(tmp_path: Path) -> None:
    for i in range(2):
        choices = {"regularizer": "none", "model": f"a_rather_long_model_name_{i}", "dataset": f"data_set_{i}",
                   "epochs": i + 1, "optimizer": f"optimizer_{i}"}  # fmt: skip
        write_run(tmp_path / f"r{i}", choices, 0)
    assert max(map(len, table.terminal(analysis.load(tmp_path)).splitlines())) <= 80


def test_runs_of_several_versions_of_code_and_data_are_said(tmp_path: Path) -> None:
    """Within a data set only: two data sets have two digests."""
    made = [
        ("x" * 16, "d1", "cifar10"),
        ("x" * 16, "d1", "cifar10"),
        ("y" * 16, "d2", "cifar10"),
        (None, "d3", "mnist"),
    ]
    for i, (code, data, dataset) in enumerate(made):
        by = {"data_digest": data} | ({} if code is None else {"source_digest": code})
        write_run(tmp_path / f"r{i}", {"regularizer": "none", "dataset": dataset}, i, made_by=by)
    records = analysis.load(tmp_path)
    code = "Caution: these runs were made by 2 versions of code: 2 by xxxxxxxxxxxx, 1 by yyyyyyyyyyyy."
    data = "Caution: these runs were made by 2 versions of data: 2 by d1, 1 by d2."
    assert [line for line in table.counts(records) if line.startswith("Caution")] == [code, data]
    assert code in report.html(records)
    write_run(tmp_path / "one" / "r", {"regularizer": "none"}, 0, made_by={"source_digest": "x"})
    assert "Caution" not in table.terminal(analysis.load(tmp_path / "one"))
