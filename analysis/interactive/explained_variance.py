"""How much of each frequency of a function is fitted over training: spectral bias as curves."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analysis.interactive import chart
from analysis.interactive.chart import Chart, Look

LOWEST = -0.5
"""Curves and bands are cut below: a wrong part can be arbitrarily worse than none."""


def explained_variance(frame: pd.DataFrame, look: Look) -> Chart:
    """Explained variance over the updates, a panel for each frequency, a line with its interval a configuration.

    Args:
        frame: as of ``frames.function.explained_variance``.
    """
    rows = frame[frame["mean"].notna()].sort_values(["frequency", "configuration", "epoch"], kind="stable")
    counted = bool(rows["iteration"].notna().all())
    title = "updates of the weights" if counted else "epoch"
    rows = rows.assign(
        x=rows["iteration" if counted else "epoch"].astype(float),
        panel="frequency " + rows["frequency"].astype(str),
        low=rows["low"].astype(float).clip(lower=LOWEST, upper=1.0),
        high=rows["high"].astype(float).clip(lower=LOWEST, upper=1.0),
        marked=chart.sparse(rows["epoch"]),
    )
    order = [f"frequency {k}" for k in sorted(rows["frequency"].unique())]
    x = alt.X("x:Q", title=title, axis=alt.Axis(format="d", grid=False, tickCount=5))
    low = min(0.0, max(LOWEST, float(rows[["mean", "low"]].min().min())))
    y = alt.Y("mean:Q", title="explained variance", scale=alt.Scale(domain=[low, 1], nice=False, clamp=True))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("x:Q", title=title), *chart.estimates()]
    zero = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(y=alt.datum(0))
    layers = [zero, chart.band(look, x), *chart.line(look, x, y, tooltip, marked="datum.marked === 1")]
    spec = chart.facet(layers, "explained", order, columns=3, height=190)
    return Chart(
        "explained",
        "Explained variance of each frequency over training",
        "How much of each frequency of the function to fit is explained over training, a line for each configuration.",
        "1 − |f_k − y_k|² / |y_k|², y_k the part of frequency k of the function to fit and f_k that of the model's "
        "own, on the test grid: 1 is a perfect fit, 0 that of a constant. Lines: mean over seeds "
        f"({chart.seeds(rows)}); bands: {chart.INTERVAL}, cut at 1 and −{-LOWEST:g}.",
        chart.finished(spec, (), len(order), 3),
        {"explained": rows[["configuration", "panel", "x", "marked", "mean", "low", "high", "n"]]},
        "analysis.frames.function.explained_variance",
        marks=3 * len(rows),
    )
