"""Runs that fit noisy labels: tables of the probes ``validation_dip`` and ``kernel_residual``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import analysis
from analysis.load import Records
from tests.analysis.synthetic import write_run

NOISES: tuple[dict[str, Any], ...] = (
    {"dataset.noise": "radial", "dataset.noise_frequency": 0.2},
    {"dataset.noise": "radial", "dataset.noise_frequency": 1.0},
    {"dataset.noise": "white", "dataset.noise_frequency": 1.0},
)
EPOCHS = (0, 1, 2)


def error(number: int, seed: int, epoch: int) -> float:
    """Falls to .2 at epoch 1, then rises by .1 for each number; seeds are .02 apart."""
    return (1.0, 0.2, 0.2 + 0.1 * number)[epoch] + 0.02 * seed


def residuals(number: int, seed: int, epoch: int) -> list[float]:
    """Of bands 0 to 3, of 1, 1, 1 and 3 eigenvectors."""
    return [3.0 / (epoch + 1), 4.0 / (epoch + 1), 1.0 + number, 2.0 + seed]


def noisy(root: Path, seeds: tuple[int, ...] = (0, 1)) -> Records:
    """Records of one regularizer on training labels with each of :data:`NOISES`; 10 updates an epoch."""
    for number, noise in enumerate(NOISES):
        for seed in seeds:
            folder = root / f"n{number}-{seed}"
            choices = {"regularizer": "none", "dataset": "mnist_pair", "steps_per_epoch": 10, **noise}
            write_run(folder, choices, seed, clean=None, layers=())
            for name, rows in _tables(number, seed).items():
                table = pa.Table.from_pandas(rows.assign(run_id=f"id-{folder.name}"), preserve_index=False)
                pq.write_table(table, folder / f"{name}.parquet")
    return analysis.load(root)


def _tables(number: int, seed: int) -> dict[str, pd.DataFrame]:
    dips = []
    for epoch in EPOCHS:
        errors = [error(number, seed, e) for e in EPOCHS[: epoch + 1]]
        dips.append((epoch, errors[-1], min(errors), errors.index(min(errors)), min(errors) / errors[-1]))
    bands = [
        (epoch, band, first, last, 1.0, 1.0, size)
        for epoch in EPOCHS
        for (band, first, last), size in zip(
            ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 5)), residuals(number, seed, epoch), strict=True
        )
    ]
    columns = ["epoch", "band", "first_index", "last_index", "eigenvalue", "target", "residual"]
    return {
        "validation_dip": pd.DataFrame(
            dips, columns=["epoch", "validation_loss", "minimum", "minimum_epoch", "dip_ratio"]
        ),
        "kernel_residual": pd.DataFrame(bands, columns=columns),
    }
