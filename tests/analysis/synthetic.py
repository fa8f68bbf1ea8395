"""Synthetic records, written through the project's own writer: a small deterministic sweep with every table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from frequency_reg.records import RunWriter

CORRUPTIONS: dict[str, Sequence[float]] = {"gaussian_noise": (0.05, 0.1), "resize": (24, 16, 8)}
RADII = ((0.0, 1), (1.0, 4), (math.sqrt(2), 4))
WEIGHT = {"dc": 1.0, "total": 0.5, "energy": 0.25, "absolute": 2.0, "absolute_folded": 1.5}

SWEEP: tuple[dict[str, Any], ...] = (
    {"regularizer": "none"},
    {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-4, "regularizer.decoupled": False},
    {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3, "regularizer.decoupled": False},
    {"regularizer": "dropout", "regularizer.dropout": 0.5},
    {"regularizer": "spectral_mask", "regularizer.threshold": 0.5},
)
COMMON = {"model": "resnet20", "dataset": "cifar10", "epochs": 3, "batch_size": 128, "dataset.root": "/data/cifar"}


def clean_accuracy(index: int, seed: int) -> float:
    """Of configuration ``index`` in :data:`SWEEP`: .80 + .02 (index mod 6), plus or minus .01 for seeds 0 and 2."""
    return 0.80 + 0.02 * (index % 6) + 0.01 * (seed - 1)


def corrupted_accuracy(clean: float, corruption: str, severity: int) -> float:
    """The generator's rule: noise costs .2 a severity, resizing .1."""
    return clean - (0.2 if corruption == "gaussian_noise" else 0.1) * severity


def write_run(
    folder: Path,
    choices: Mapping[str, Any],
    seed: int,
    *,
    clean: float | None = 0.8,
    suppression: float = 0.1,
    status: str = "complete",
    detail: str | None = None,
    layers: Sequence[str] = ("conv1", "layer1.conv1", "layer2.conv1"),
    epochs: int = 3,
    corruptions: Mapping[str, Sequence[float]] = CORRUPTIONS,
    draws: int = 40,
    made_by: Mapping[str, str] | None = None,
) -> None:
    """One run's folder. SSR of layer d after e epochs: suppression * e * (d + 1) * WEIGHT[normalization]."""
    folder.mkdir(parents=True)
    writer = RunWriter(folder, f"id-{folder.name}")
    config = {**COMMON, **choices, "seed": seed}
    accuracy = clean if clean is not None else math.nan
    writer.set_run(
        {
            "run_name": folder.name,
            "status": status,
            "status_detail": detail,
            "epoch": epochs,
            "train_accuracy": min(accuracy + 0.05, 1.0),
            "validation_accuracy": accuracy - 0.01,
            "clean_accuracy": accuracy,
            "clean_loss": 0.6,
            "train_seconds": 60.0,
            "evaluate_seconds": 6.0,
            "peak_memory": 2**30,
            **{f"config.{key}": value for key, value in config.items()},
            "provenance.package_version": "0.1.0",
            "provenance.processor": "some processor",
            **{f"provenance.{key}": value for key, value in (made_by or {}).items()},
        }
    )
    for epoch in range(epochs + 1):
        writer.add("epochs", {"epoch": epoch, "train_loss": 1.0, "train_accuracy": 0.5, "validation_loss": 1.0,
                              "validation_accuracy": 0.5, "learning_rate": 0.1, "train_seconds": 20.0})  # fmt: skip
        for depth, layer in enumerate(layers):
            _add_spectra(writer, epoch, layer, depth, suppression)
    _add_null(writer, layers, seed, draws)
    if clean is not None and status == "complete":
        _add_robustness(writer, clean, corruptions)
    if choices["regularizer"].startswith("spectral_mask"):
        for epoch in range(epochs + 1):
            share = [0.05 * epoch * (len(layers) - d) / len(layers) + 0.001 * seed for d in range(1, len(layers))]
            writer.add("regularizer", {"epoch": epoch, "layer": list(layers[1:]), "quantity": "share_removed",
                                       "value": share})  # fmt: skip
    writer.publish()


def _add_spectra(writer: RunWriter, epoch: int, layer: str, depth: int, suppression: float) -> None:
    power = [1.0 + epoch * suppression, 1.0, 1.0 / (1.0 + abs(suppression) * epoch)]
    writer.add("spectra", {"epoch": epoch, "layer": layer, "depth": depth, "kernel": 3,
                           "radius": [r for r, _ in RADII], "multiplicity": [m for _, m in RADII],
                           "power": power})  # fmt: skip
    for reference, start in (("init", 0), ("epoch_1", 1)):
        if epoch >= start:
            values = [suppression * (epoch - start) * (depth + 1) * w for w in WEIGHT.values()]
            writer.add("ssr", {"epoch": epoch, "layer": layer, "depth": depth, "normalization": list(WEIGHT),
                               "reference": reference, "value": values, "status": "ok"})  # fmt: skip


def _add_null(writer: RunWriter, layers: Sequence[str], seed: int, draws: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.16, (len(layers), draws))
    for depth, layer in enumerate(layers):
        for normalization, weight in WEIGHT.items():
            writer.add("ssr_null", {"layer": layer, "depth": depth, "normalization": normalization,
                                    "draw": range(draws), "value": noise[depth] * weight / (depth + 1)})  # fmt: skip


def _add_robustness(writer: RunWriter, clean: float, corruptions: Mapping[str, Sequence[float]]) -> None:
    for corruption, parameters in corruptions.items():
        severities = range(len(parameters) + 1)
        accuracy = [corrupted_accuracy(clean, corruption, s) for s in severities]
        columns = {
            "split": "test",
            "corruption": corruption,
            "severity": severities,
            "parameter": [None, *parameters],
            "parameter_unit": f"unit of {corruption}",
            "accuracy": accuracy,
            "loss": 1.0,
            "n": 10000,
        }
        writer.add("robustness", columns)


def write_sweep(
    root: Path, seeds: Sequence[int] = (0, 1, 2), sweep: Sequence[Mapping[str, Any]] = SWEEP, **options: Any
) -> Path:
    """Every configuration of ``sweep`` with every seed, ``options`` as of :func:`write_run`; returns ``root``."""
    for index, choices in enumerate(sweep):
        for seed in seeds:
            suppression = 0.05 * (index - 1) + 0.01 * seed
            folder = root / f"run-{index}-{seed}"
            write_run(folder, choices, seed, clean=clean_accuracy(index, seed), suppression=suppression, **options)
    return root


def edit(folder: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Rewrite one table of a run's folder with what ``change`` makes of it, under the same schema."""
    file = folder / f"{table}.parquet"
    old = pq.ParquetFile(file).read()
    pq.write_table(pa.Table.from_pandas(change(old.to_pandas()), old.schema, preserve_index=False), file)


def cell(frame: pd.DataFrame, **where: object) -> pd.Series:
    """The one row of ``frame`` with these values."""
    for key, value in where.items():
        frame = frame[frame[key] == value]
    assert len(frame) == 1
    return frame.iloc[0]
