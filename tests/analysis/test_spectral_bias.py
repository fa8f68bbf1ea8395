"""Criteria of spectral bias, on tables written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.__main__ import main
from analysis.frames.spectral_bias import spearman, spectral_bias
from analysis.load import AnalysisError, Records
from analysis.spectral_bias import criteria
from tests.analysis.synthetic import edit, write_run


def write(
    folder: Path, seed: int, dataset: str, tables: dict[str, pd.DataFrame], loss: float = 1.0, **keys: Any
) -> None:
    config = {"regularizer": "none", "dataset": dataset, **{f"dataset.{k}": v for k, v in keys.items()}}
    write_run(folder, config, seed, clean=None, layers=())
    edit(folder, "run", lambda run: run.assign(train_loss=loss))
    for name, rows in tables.items():
        table = pa.Table.from_pandas(rows.assign(run_id=f"id-{folder.name}"), preserve_index=False)
        pq.write_table(table, folder / f"{name}.parquet")


def spectrum(amplitudes: dict[int, list[float]], target: float = 2.0) -> pd.DataFrame:
    """``function_spectrum`` of |c_k| by frequency, one value an epoch."""
    rows = [(epoch, k, target, value, 0.5) for k, values in amplitudes.items() for epoch, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["epoch", "frequency", "target_amplitude", "amplitude", "explained_variance"])


def found(records: Records, quantity: str, at: str = "") -> pd.Series:
    frame = criteria(records)
    rows = frame[(frame["quantity"] == quantity) & (frame["at"] == at)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_spearman_with_ties_and_without_an_order() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    # Ranks 1 2 3 4 and 1 2.5 2.5 4: covariance 4.5 / 4, variances 5 / 4 and 4.5 / 4.
    assert spearman([1, 2, 3, 4], [1, 2, 2, 3]) == pytest.approx(4.5 / np.sqrt(5 * 4.5))
    assert np.isnan(spearman([1, 2, 3], [7, 7, 7]))


def test_order_of_learning(tmp_path: Path) -> None:
    # Target 2: crossing is |c_k| >= .2. In seed 0 5 crosses at epoch 1, 10 at 2, 15 never.
    write(
        tmp_path / "a", 0, "sinusoids", {"function_spectrum": spectrum({5: [0, 1, 2], 10: [0, 0, 1], 15: [0, 0, 0.1]})}
    )
    # In seed 1 10 and 15 have changed places.
    write(
        tmp_path / "b", 1, "sinusoids", {"function_spectrum": spectrum({5: [0, 1, 2], 10: [0, 0, 0.1], 15: [0, 0, 1]})}
    )
    records = analysis.load(tmp_path)
    crossing = found(records, "order of crossing")
    assert (crossing["mean"], crossing["n"], crossing["met"]) == (pytest.approx(0.75), 2, 1)
    assert (crossing["smallest"], crossing["largest"]) == (pytest.approx(0.5), pytest.approx(1))
    assert crossing["sd"] == pytest.approx(0.5 / np.sqrt(2))
    assert found(records, "order of magnitude")["mean"] == pytest.approx(0.75)


def test_a_setting_is_what_differs_but_for_the_seed(tmp_path: Path) -> None:
    fit = {"function_spectrum": spectrum({5: [0, 1], 10: [0, 0.5], 15: [0, 0]})}
    for seed in (0, 1):
        write(tmp_path / f"e{seed}", seed, "sinusoids", fit, amplitudes="equal")
        write(tmp_path / f"r{seed}", seed, "sinusoids", fit, amplitudes="rising")
    frame = criteria(analysis.load(tmp_path))
    assert set(frame["setting"]) == {"dataset.amplitudes=equal", "dataset.amplitudes=rising"}
    assert set(frame["n"]) == {2}


def test_retention_after_the_last_epoch_at_delta_2(tmp_path: Path) -> None:
    rows = [(0, 2.0, k, 0.1 * k) for k in (5, 10, 15)]  # before training: the other way round
    rows += [(9, 2.0, 5, 1.3), (9, 2.0, 10, 0.8), (9, 2.0, 15, 0.5), (9, 1.0, 5, 0.0), (9, 1.0, 10, 1), (9, 1.0, 15, 1)]
    table = pd.DataFrame(rows, columns=["epoch", "delta", "frequency", "retention"])
    write(tmp_path / "a", 0, "sinusoids", {"parameter_perturbation": table})
    records = analysis.load(tmp_path)
    assert found(records, "order of retention")["mean"] == pytest.approx(-1)
    assert found(records, "retention, highest to lowest k")["mean"] == pytest.approx(0.5)  # 1.3 counts as 1
    assert found(records, "order of retention")["met"] == 1


def dip(ratio: float, minimum: float = 0.2, epoch: int = 3) -> dict[str, pd.DataFrame]:
    rows = [(0, 1.0, 1.0, 0, 1.0), (9, minimum / ratio, minimum, epoch, ratio)]
    columns = ["epoch", "validation_loss", "minimum", "minimum_epoch", "dip_ratio"]
    return {"validation_dip": pd.DataFrame(rows, columns=columns)}


def test_dips_by_the_noises_frequency(tmp_path: Path) -> None:
    for seed, ratios in enumerate([(0.9, 0.7, 0.5), (0.8, 0.85, 0.65)]):
        for k, ratio in zip((0.05, 0.2, 1.0), ratios, strict=True):
            write(tmp_path / f"{seed}-{k}", seed, "mnist_pair", dip(ratio), noise="radial", noise_frequency=k)
    records = analysis.load(tmp_path)
    assert found(records, "dip ratio", "k = 0.2")["mean"] == pytest.approx(0.775)
    rise = found(records, "steepest rise of the dip ratio")
    assert (rise["smallest"], rise["largest"]) == (pytest.approx(-0.2), pytest.approx(0.05))
    assert (rise["met"], rise["n"]) == (1, 2)
    highest = found(records, "dip ratio at the highest k", "k = 1")
    assert (highest["mean"], highest["met"]) == (pytest.approx(0.575), 1)


def test_kernel_noise_against_white_noise_of_the_same_seed(tmp_path: Path) -> None:
    bands = [(0, 0, 0, 1, 3.0), (0, 1, 2, 4, 3.0), (3, 0, 0, 1, 0.2), (3, 1, 2, 4, 0.8)]
    residual = pd.DataFrame(bands, columns=["epoch", "band", "first_index", "last_index", "residual"])
    for seed in (0, 1):
        tables = {**dip(0.5, minimum=0.1 + 0.1 * seed), "kernel_residual": residual}
        write(tmp_path / f"k{seed}", seed, "mnist_pair", tables, noise="kernel")
        write(tmp_path / f"w{seed}", seed, "mnist_pair", dip(0.5, minimum=0.2), noise="white")
    records = analysis.load(tmp_path)
    ratio = found(records, "residual, high to low", "kernel noise")
    assert (ratio["mean"], ratio["met"], ratio["criterion"]) == (pytest.approx(4), 2, "> 3")
    pair = found(records, "smallest error to white", "kernel noise")
    assert (pair["mean"], pair["met"], pair["n"]) == (pytest.approx(0.75), 1, 2)
    assert found(records, "smallest error", "white noise")["mean"] == pytest.approx(0.2)


def test_loss_and_highest_frequency_by_petals(tmp_path: Path) -> None:
    for petals, loss, magnitude in ((0, 0.5, 0.2), (4, 0.4, 0.1), (10, 0.1, 1.0), (16, 0.4, 1.5)):
        table = {"function_spectrum": spectrum({20: [0, 2], 200: [0, magnitude]})}
        write(tmp_path / f"{petals}", 0, "manifold_sinusoids", table, loss=loss, petals=petals)
    records = analysis.load(tmp_path)
    assert found(records, "loss", "L = 10")["mean"] == 0.1
    by_curve = {at: found(records, "loss to L = 0", at) for at in ("L = 4", "L = 10", "L = 16")}
    assert [row["mean"] for row in by_curve.values()] == pytest.approx([0.8, 0.2, 0.8])
    assert [(row["criterion"], row["met"]) for row in by_curve.values()] == [("< 1", 1), ("< 0.6", 1), ("< 0.6", 0)]
    assert found(records, "magnitude of the highest k", "L = 4")["mean"] == pytest.approx(0.05)
    rise = found(records, "least rise of that magnitude")
    assert (rise["mean"], rise["met"]) == (pytest.approx(-0.05), 0)


def test_a_loss_is_compared_with_that_of_the_circle_only_where_that_was_run(tmp_path: Path) -> None:
    table = {"function_spectrum": spectrum({20: [0, 2], 200: [0, 1]})}
    for seed in (0, 1):
        write(tmp_path / f"a{seed}", seed, "manifold_sinusoids", table, loss=0.2, petals=4)
    assert "loss to L = 0" not in set(criteria(analysis.load(tmp_path))["quantity"])
    write(tmp_path / "b", 1, "manifold_sinusoids", table, loss=0.5, petals=0)
    row = found(analysis.load(tmp_path), "loss to L = 0", "L = 4")
    assert (row["mean"], row["met"], row["n"]) == (pytest.approx(0.4), 1, 1)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = {"function_spectrum": spectrum({5: [0, 1], 10: [0, 0.5], 15: [0, 0]})}
    write(tmp_path / "a", 0, "sinusoids", fit)
    assert main(["spectral-bias", str(tmp_path), "--width", "120"]) == 0
    text = capsys.readouterr().out
    assert "order of crossing" in text
    assert "1 of 1" in text
    assert "Spearman" in text
    assert main(["spectral-bias", str(tmp_path), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["rows"][0]["criterion"] == ">= 0.9"
    assert len(answer["rows"]) == len(spectral_bias(analysis.load(tmp_path)))


def test_records_without_any_of_the_tables_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none", "dataset": "digits"}, 0)
    with pytest.raises(AnalysisError, match="no complete run has the tables that it reads"):
        criteria(analysis.load(tmp_path))


def test_a_repeated_seed_is_no_further_replication_and_none_is_its_own(tmp_path: Path) -> None:
    for seed, first in ((0, 1), (1, 0)):
        fit = {"function_spectrum": spectrum({5: [0, first, 2], 10: [0, 1 - first, 1], 15: [0, 0, 0.1]})}
        write(tmp_path / f"a{seed}", seed, "sinusoids", fit)
        write(tmp_path / f"again{seed}", seed, "sinusoids", fit)
    once = found(analysis.load(tmp_path), "order of crossing")
    assert once["n"] == 2
    for folder in tmp_path.iterdir():
        rows = pq.read_table(folder / "run.parquet")
        pq.write_table(rows.drop_columns("config.seed"), folder / "run.parquet")
    assert found(analysis.load(tmp_path), "order of crossing")["n"] == 4
