"""Accuracy under corruption, from the clean set to the strongest severity, and what it costs in clean accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis import metric
from analysis.aggregate import described, estimates
from analysis.load import Records
from analysis.statistics.estimate import summarize


def robustness_curves(records: Records) -> pd.DataFrame:
    """Test accuracy under every corruption and severity, the clean set as severity 0 of each.

    Returns:
        The description, corruption, parameter_unit (text), severity, parameter (missing at severity 0), statistics of
        the accuracy in [0, 1].
    """
    query = """
        SELECT run_id, corruption, parameter_unit, severity, parameter, accuracy AS value FROM corrupted
        UNION ALL
        SELECT DISTINCT run_id, corruption, parameter_unit, 0, NULL, clean FROM corrupted"""
    return estimates(records, query, ["corruption", "parameter_unit", "severity", "parameter"])


def trade_off(records: Records) -> pd.DataFrame:
    """Clean accuracy against accuracy under corruption, and which configurations no other one beats in both means.

    Returns:
        The description, corruption (``all`` is the mean over them), clean and clean_half_width, robust and
        robust_half_width (fractions), n, on_front: true where no other configuration of the same context is at least
        as good in both means and better in one. A front is a ranking, so it is left missing unless every
        configuration of the context has n >= 2.
    """
    summary = summarize(_accuracies(records), ["configuration", "metric"])[
        ["configuration", "metric", "mean", "half_width", "n"]
    ]
    clean = summary[summary["metric"] == "clean_accuracy"].drop(columns=["metric", "n"])
    clean = clean.rename(columns={"mean": "clean", "half_width": "clean_half_width"})
    robust = summary[summary["metric"] != "clean_accuracy"]
    robust = robust.assign(corruption=robust["metric"].str.removeprefix("accuracy/"))
    robust["corruption"] = robust["corruption"].replace("corrupted_accuracy", "all")
    robust = robust.rename(columns={"mean": "robust", "half_width": "robust_half_width"}).drop(columns="metric")
    points = described(records, robust.merge(clean, on="configuration").dropna(subset=["clean", "robust"]))
    return fronts(points, ["clean", "robust"], ["context", "corruption"])


def _accuracies(records: Records) -> pd.DataFrame:
    """Clean accuracy, the mean over corruptions and the mean of each: one row a configuration, metric and seed."""
    each = records.sql("SELECT DISTINCT corruption FROM corrupted ORDER BY ALL")["corruption"]
    names = ["clean_accuracy", "corrupted_accuracy", *("accuracy/" + each)]
    return metric.values(records, names)


def fronts(points: pd.DataFrame, objectives: list[str], groups: list[str]) -> pd.DataFrame:
    """``points`` with ``on_front``: undominated in all ``objectives`` (larger is better) within its group.

    A front is a ranking, so it is left missing in a group where a row has n < 2.
    """
    points = points.assign(on_front=None)
    for _, group in points.groupby(groups, sort=False):
        if (group["n"] >= 2).all():
            points.loc[group.index, "on_front"] = pareto_front(group[objectives].to_numpy(dtype=float))
    return points


def pareto_front(points: np.ndarray) -> np.ndarray:
    """Which rows of ``points`` (n, objectives; larger is better) no other row dominates: bool array of shape (n,)."""
    at_least = (points[None, :, :] >= points[:, None, :]).all(axis=2)
    better = (points[None, :, :] > points[:, None, :]).any(axis=2)
    dominated = np.asarray(at_least & better).any(axis=1)
    return np.asarray(~dominated)
