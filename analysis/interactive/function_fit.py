"""Functions while they are fitted: what the page's slider moves through."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from analysis.interactive import chart
from analysis.interactive.chart import Chart, Look

PLACES = 256
"""Most places of a function that are drawn."""
STATES = 30
"""Most epochs that the slider stops at: of more, evenly spaced ones with the first and the last."""


def function_fit(frame: pd.DataFrame, look: Look) -> Chart:
    """The function to fit and the model's own at one epoch, a panel for each configuration.

    Args:
        frame: as of ``frames.function.function_fit``.
    """
    rows = frame[frame["mean"].notna()]
    epochs, places = _spaced(rows["epoch"], STATES), _spaced(rows["position"], PLACES)
    rows = rows[rows["epoch"].isin(epochs) & rows["position"].isin(places)]
    rows = rows.sort_values(["epoch", "configuration", "position"], kind="stable").assign(panel=rows["label"])
    order = list(dict.fromkeys(rows["panel"]))
    x = alt.X("position:Q", title="x (periods)", axis=alt.Axis(grid=False, tickCount=5), scale=alt.Scale(domain=[0, 1]))
    low, high = (float(getattr(rows[["mean", "target"]].to_numpy(float), end)()) for end in ("min", "max"))
    scale = alt.Scale(domain=[low, high], nice=False)
    target = alt.Chart().mark_line(color="var(--soft)", strokeWidth=1)
    fitted = alt.Chart().mark_line(strokeWidth=1.6).encode(color=look.color(), opacity=chart.opacity())
    layers = [
        target.encode(x=x, y=alt.Y("target:Q", title=None, scale=scale)),
        fitted.encode(x=x, y=alt.Y("mean:Q", title=None, scale=scale)),
    ]
    spec = chart.facet(
        [layer.transform_filter("datum.epoch === epoch") for layer in layers], "scrub", order, height=130
    )
    finished = chart.finished(spec, (), len(order))
    finished["params"].append({"name": "epoch", "value": int(rows["epoch"].max())})
    return Chart(
        "fit",
        "The function to fit and the model's own",
        "The function to fit in grey and the mean of the seeds' functions in colour, at one epoch.",
        "",
        finished,
        {"scrub": rows[["configuration", "panel", "epoch", "position", "target", "mean"]]},
        "analysis.frames.function.function_fit",
    )


def _spaced(column: pd.Series, most: int) -> list[float]:
    """At most ``most`` of a column's values, evenly spaced in rank, the first and the last among them."""
    values = np.sort(column.unique())
    places = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return [float(value) for value in values[places]]
