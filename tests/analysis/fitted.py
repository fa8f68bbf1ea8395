"""Runs that fit functions: losses, no accuracy, and the tables of the probe ``function_spectrum``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import analysis
from analysis.load import Records
from tests.analysis.diagnosed import CHOICES
from tests.analysis.synthetic import edit, write_run

FREQUENCIES = (5, 50)
EPOCHS = (0, 1, 2, 3)
GRID = 8
ACCURACIES = ("train_accuracy", "validation_accuracy", "clean_accuracy")


def explained(configuration: int, seed: int, frequency: int, epoch: int) -> float:
    """5 is learned faster than 50; configuration 1 learns half of it; seeds are .02 apart."""
    return (epoch / 3 * (0.9 if frequency == 5 else 0.3) + 0.02 * seed) / (configuration + 1)


def output(configuration: int, seed: int, epoch: int, position: float) -> float:
    return float(epoch / 3 * np.sin(2 * np.pi * position) / (configuration + 1) + 0.02 * seed)


def tables(configuration: int, seed: int) -> Mapping[str, pd.DataFrame]:
    spectrum = [
        (epoch, k, 0.5, 0.5 * (epoch + seed) / 4, explained(configuration, seed, k, epoch))
        for epoch in EPOCHS
        for k in FREQUENCIES
    ]
    # A frequency that the function to fit has not.
    spectrum += [(epoch, 7, 0.0, 0.1, None) for epoch in EPOCHS]
    places = [i / GRID for i in range(GRID)]
    fit = [
        (epoch, x, float(np.sin(2 * np.pi * x)), output(configuration, seed, epoch, x))
        for epoch in (0, 3)
        for x in places
    ]
    return {
        "function_spectrum": pd.DataFrame(
            spectrum, columns=["epoch", "frequency", "target_amplitude", "amplitude", "explained_variance"]
        ),
        "function_fit": pd.DataFrame(fit, columns=["epoch", "position", "target", "output"]),
    }


def fitted(
    root: Path, seeds: tuple[int, ...] = (0, 1), steps: int | None = 10, petals: tuple[int, ...] = ()
) -> Records:
    """Records of two configurations; test, validation and training errors .01, .02, .03 x (seed + 1).

    With ``petals``, one number a configuration, they say of what shape the curve was that they fitted.
    """
    for configuration, choices in enumerate(CHOICES):
        for seed in seeds:
            folder = root / f"f{configuration}-{seed}"
            known: dict[str, Any] = {} if steps is None else {"steps_per_epoch": steps}
            known |= {"dataset.petals": petals[configuration]} if petals else {}
            write_run(folder, {**choices, **known, "dataset": "sinusoids"}, seed, clean=None, layers=())
            edit(folder, "run", _regression)
            edit(folder, "epochs", lambda rows: rows.assign(train_accuracy=np.nan, validation_accuracy=np.nan))
            for name, rows in tables(configuration, seed).items():
                table = pa.Table.from_pandas(rows.assign(run_id=f"id-{folder.name}"), preserve_index=False)
                pq.write_table(table, folder / f"{name}.parquet")
    return analysis.load(root)


def _regression(run: pd.DataFrame) -> pd.DataFrame:
    error = 0.01 * (int(run["config.seed"].iloc[0]) + 1)
    run = run.assign(**dict.fromkeys(ACCURACIES, np.nan))
    return run.assign(clean_loss=error, validation_loss=2 * error, train_loss=3 * error)
