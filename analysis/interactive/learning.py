"""Learning curves."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analysis.interactive import chart
from analysis.interactive.chart import Chart, Look
from analysis.interval import NOTE, is_accuracy

TITLES = {
    "train_loss": "training loss (nat)",
    "validation_loss": "validation loss (nat)",
    "train_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "accuracy_gap": "accuracy gap: training − validation",
}


def learning_curves(frame: pd.DataFrame, look: Look) -> Chart:
    """Loss, accuracy and their gap after every epoch, with intervals.

    Args:
        frame: as of ``frames.learning.learning_curves``.
    """
    rows = frame[frame["quantity"].isin(list(TITLES)) & frame["mean"].notna()]
    rows = chart.cut(rows, rows["quantity"].map(is_accuracy)).assign(panel=rows["quantity"].map(TITLES))
    if not rows["quantity"].map(is_accuracy).any():  # runs that fit functions
        rows = rows.assign(panel=rows["panel"].str.replace("(nat)", "(mean squared error)", regex=False))
    titles = [*TITLES.values(), *(t.replace("(nat)", "(mean squared error)") for t in TITLES.values() if "(nat)" in t)]
    order = [title for title in titles if (rows["panel"] == title).any()]
    caption = "Training values are means over the epoch's updates."
    if "accuracy_gap" in set(rows["quantity"]):
        early = (
            "Training values are means over the epoch's augmented images, so the gap understates overfitting early on."
        )
        caption = f"{early} {NOTE}"
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("epoch:Q"), *chart.estimates(".4f")]
    rows = rows.assign(marked=chart.sparse(rows["epoch"]))
    layers = [chart.band(look, x), *chart.line(look, x, y, tooltip, marked="datum.marked === 1")]
    spec = chart.facet(layers, "learning", order, height=170, free="y")
    return Chart(
        "learning",
        "Learning curves",
        "Training and validation loss and accuracy over the epochs, a line for each configuration.",
        f"Lines: mean over seeds ({chart.seeds(rows)}); bands: {chart.INTERVAL}. {caption}",
        chart.finished(spec, (), len(order)),
        {"learning": rows[["configuration", "panel", "epoch", "marked", "mean", "low", "high", "n"]]},
        "analysis.frames.learning.learning_curves",
        marks=3 * len(rows),
    )
