"""The cost of an epoch: medians over epochs, ratios paired by seed within a context."""

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import aggregate, table
from tests.analysis.synthetic import SWEEP, cell, edit, write_sweep

# seconds of the epochs 0 (before training), 1, 2, 3; one slow epoch does not count
PLAIN = {0: (0.0, 10.0, 90.0, 10.0), 1: (0.0, 20.0, 20.0, 20.0), 2: (0.0, 10.0, 10.0, 10.0)}
DROPOUT = {0: (0.0, 15.0, 15.0, 80.0), 1: (0.0, 32.0, 32.0, 31.0), 2: (0.0, 17.0, 17.0, 17.0)}
RATIOS = (15 / 10, 32 / 20, 17 / 10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_sweep(tmp_path_factory.mktemp("cost"), layers=())
    regularizers = [choices["regularizer"] for choices in SWEEP]
    for name, seconds in (("none", PLAIN), ("dropout", DROPOUT)):
        for seed, values in seconds.items():

            def timed(epochs: pd.DataFrame, values: tuple[float, ...] = values) -> pd.DataFrame:
                return epochs.assign(train_seconds=[*values, *values[1:]][: len(epochs)])

            edit(root / f"run-{regularizers.index(name)}-{seed}", "epochs", timed)
    return root


def test_median_epoch_and_its_ratio_to_none_of_the_same_seed(folder: Path) -> None:
    frame = aggregate.headline(analysis.load(folder), ["epoch_seconds", "relative_cost"])
    assert cell(frame, label="none", metric="epoch_seconds")["mean"] == pytest.approx((10 + 20 + 10) / 3)
    assert cell(frame, label="dropout 0.5", metric="epoch_seconds")["mean"] == pytest.approx((15 + 32 + 17) / 3)
    ratio = cell(frame, label="dropout 0.5", metric="relative_cost")
    assert (ratio["mean"], ratio["n"]) == (pytest.approx(sum(RATIOS) / 3), 3)
    assert cell(frame, label="none", metric="relative_cost")["mean"] == 1


def test_without_none_there_is_no_ratio(tmp_path: Path) -> None:
    others = [choices for choices in SWEEP if choices["regularizer"] != "none"]
    records = analysis.load(write_sweep(tmp_path, sweep=others, layers=()))
    frame = aggregate.headline(records, ["relative_cost", "epoch_seconds"])
    assert frame[frame["metric"] == "relative_cost"]["mean"].isna().all()
    assert (frame[frame["metric"] == "epoch_seconds"]["mean"] == 20).all()


def test_the_table_shows_the_cost(folder: Path) -> None:
    names, heads, rows = table.cells(analysis.load(folder), ["clean_accuracy", "relative_cost"])
    assert heads == ["clean %", "cost/none"]
    row = next(row for row in rows if any("dropout" in text for text in row))
    assert row[len(names) + 1].startswith("1.6")


def test_runs_of_another_processor_have_no_ratio(tmp_path: Path) -> None:
    root = write_sweep(tmp_path, layers=())
    regularizers = [choices["regularizer"] for choices in SWEEP]
    run = root / f"run-{regularizers.index('dropout')}-0"
    edit(run, "run", lambda row: row.assign(**{"provenance.processor": "a faster one"}))
    frame = aggregate.headline(analysis.load(root), ["relative_cost"])
    assert cell(frame, label="dropout 0.5", metric="relative_cost")["n"] == 2
    assert cell(frame, label="none", metric="relative_cost")["n"] == 3
