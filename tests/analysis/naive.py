"""Every number of a report, recomputed from Parquet with pandas and numpy alone: no query, no code of the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

T = {2: 12.706204736432095, 3: 4.302652729911275, 5: 2.7764451051977987}
"""Student's t, 97.5%, n - 1 degrees of freedom, by n."""


def read(root: Path, table: str) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(file) for file in sorted(root.glob(f"*/{table}.parquet"))], ignore_index=True)


def metrics(root: Path, label: str = "config.regularizer") -> pd.DataFrame:
    """Columns group (of runs by ``label`` and strength), seed, metric, value: every metric the page shows."""
    run = read(root, "run")
    strengths = [c for c in run.columns if c.startswith("config.regularizer.") and c.split(".")[-1] in set(run[label])]
    run["group"] = run[label].astype(str)
    for column in strengths:
        own = run[label] == column.split(".")[-1]
        run.loc[own, "group"] += " " + run.loc[own, column].map("{:.12g}".format)
    rows = [run[["run_id", "group", "config.seed", "clean_accuracy"]].assign(metric="clean_accuracy")]
    rows[0] = rows[0].rename(columns={"clean_accuracy": "value"})
    robust = read(root, "robustness").merge(run[["run_id", "group", "config.seed", "clean_accuracy"]], on="run_id")
    robust = robust[(robust["split"] == "test") & (robust["severity"] > 0)].copy()
    robust["drop"] = robust["clean_accuracy"] - robust["accuracy"]
    robust["relative"] = robust["accuracy"] / robust["clean_accuracy"]
    keys = ["run_id", "group", "config.seed"]
    points = robust.assign(
        metric=[f"accuracy/{c}/{p:.12g}" for c, p in zip(robust.corruption, robust.parameter, strict=True)]
    )
    rows.append(points.rename(columns={"accuracy": "value"})[[*keys, "metric", "value"]])
    means = robust.groupby([*keys, "corruption"])[["accuracy", "drop", "relative"]].mean().reset_index()
    for quantity in ("accuracy", "drop"):
        rows.append(means.assign(metric=quantity + "/" + means["corruption"], value=means[quantity]))
    overall = means.groupby(keys)[["accuracy", "relative"]].mean().reset_index()
    rows.append(overall.assign(metric="corrupted_accuracy", value=overall["accuracy"]))
    rows.append(overall.assign(metric="relative_robustness", value=overall["relative"]))
    ssr = read(root, "ssr").merge(run[["run_id", "group", "config.seed", "epoch"]], on="run_id", suffixes=("", "_last"))
    ssr = ssr[(ssr["epoch"] == ssr["epoch_last"]) & ssr["value"].notna() & (ssr["status"] != "no_high_band")]
    first = pq.read_schema(next(iter(sorted(root.glob("*/ssr.parquet")))))
    if int(first.metadata[b"frequency_reg.schema_version"]) < 2:
        # Records of version 1 have a value where batch normalization has no statistics yet: it was withdrawn.
        ssr = ssr[~((ssr["normalization"] == "absolute_folded") & (ssr["reference"] == "init"))]
    for position, pick in (("first", "min"), ("last", "max")):
        at = ssr[ssr["depth"] == ssr.groupby("run_id")["depth"].transform(pick)]
        rows.append(at.assign(metric=f"ssr/{position}/" + at["normalization"] + "/" + at["reference"]))
    found = pd.concat(rows, ignore_index=True).rename(columns={"config.seed": "seed"})
    return found[["group", "seed", "metric", "value"]]


def interval(values: pd.Series) -> tuple[float, float]:
    """Mean and half-width of the 95% t interval."""
    n = len(values)
    return float(np.mean(values)), float(T[n] * np.std(values, ddof=1) / np.sqrt(n))
