"""Accuracy under every corruption and severity, and its difference from the baseline, paired by seed."""

from __future__ import annotations

import pandas as pd

from analysis import compare
from analysis.frames.robustness import robustness_curves
from analysis.load import AnalysisError, Records


def robustness_map(records: Records) -> pd.DataFrame:
    """Accuracy and difference from the baseline, for every configuration, corruption and severity from 1 on.

    Returns:
        As :func:`analysis.frames.robustness.robustness_curves`, and: baseline (its label), difference, difference_low,
        difference_high (configuration minus baseline, fractions, 95% interval of the paired differences), pairs (n of
        the differences). These are missing for the baseline itself and where there is none.
    """
    frame = robustness_curves(records)
    frame = frame[frame["severity"] > 0].reset_index(drop=True)
    points = records.sql(
        "SELECT DISTINCT corruption, severity, "
        "'accuracy/' || corruption || '/' || format('{:.12g}', parameter) AS metric "
        "FROM corrupted WHERE parameter IS NOT NULL ORDER BY ALL"
    )
    try:
        found = compare.differences(records, None, list(points["metric"].unique()))
    except AnalysisError:  # no configuration is a baseline: accuracies alone
        found = pd.DataFrame(columns=["configuration", "metric", "baseline", "mean", "low", "high", "n"])
    names = {"mean": "difference", "low": "difference_low", "high": "difference_high", "n": "pairs"}
    found = found[["configuration", "metric", "baseline", *names]].rename(columns=names).merge(points, on="metric")
    keys = ["configuration", "corruption", "severity"]
    return frame.merge(found.drop(columns="metric"), on=keys, how="left")
