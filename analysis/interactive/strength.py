"""Metrics against the strength of regularizers, and the share of the spectrum that masks remove."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from analysis import metric
from analysis.interactive import chart
from analysis.interactive.chart import Chart
from analysis.interval import NOTE, is_accuracy


def strength_response(frame: pd.DataFrame, colors: dict[str, str]) -> Chart:
    """Metrics against strength on a logarithmic axis, a line for each regularizer; strength 0 at the left.

    Args:
        frame: as of ``frames.strength.strength_response``.
        colors: regularizer -> name of the CSS variable of its colour.
    """
    rows = chart.cut(frame, frame["metric"].map(is_accuracy)).assign(panel=[_panel(name) for name in frame["metric"]])
    positive = frame.loc[frame["strength"] > 0, "strength"]
    zero = float(10 ** (np.floor(np.log10(positive.min())) - 1))
    rows = rows.assign(at=rows["strength"].where(rows["strength"] > 0, zero))
    rows["regularizer"] = rows.groupby("swept")["regularizer"].transform("last")
    scale = alt.Scale(domain=list(colors), range=[f"var({name})" for name in colors.values()])
    legend = alt.Legend(orient="bottom", columns=3) if len(set(rows["regularizer"])) > 1 else None
    color = alt.Color("regularizer:N", scale=scale, title="regularizer", legend=legend)
    first, last = round(np.log10(zero)), int(np.floor(np.log10(positive.max())))
    step = max(1, -(-(last - first) // 5))
    ticks = [zero, *(float(f"1e{power}") for power in range(last, first, -step))]
    axis = alt.Axis(
        values=ticks, grid=False, labelExpr=f"datum.value <= {zero * 1.01!r} ? '0' : format(datum.value, '~g')"
    )
    x = alt.X("at:Q", title="strength", axis=axis, scale=alt.Scale(type="log", nice=False, padding=12))
    y = alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("strength:Q"), *chart.estimates(".4f")]
    lines = alt.Chart().mark_line(strokeWidth=1.4).encode(x=x, y=y, color=color, detail="swept:N")
    rules = alt.Chart().mark_rule().encode(x=x, y="low:Q", y2="high:Q", color=color, opacity=chart.opacity())
    points = alt.Chart().mark_point(size=44, filled=True).encode(
        x=x, y=y, color=color, opacity=chart.opacity(), tooltip=tooltip
    )  # fmt: skip
    order = list(dict.fromkeys(rows["panel"]))
    spec = chart.facet([lines, rules, points], "strength", order, height=170, free="y")
    keys = ["configuration", "regularizer", "swept", "strength", "at", "panel", "mean", "low", "high", "n"]
    return Chart(
        "strength",
        "Metrics against strength",
        "Headline metrics against the strength of each regularizer.",
        f"Mean over seeds ({chart.seeds(rows)}) with the {chart.INTERVAL}. Logarithmic axis; 0: strength 0, or no "
        f"regularizer where 0 was not run. Regularizers do not share a unit of strength. {NOTE}",
        chart.finished(spec, (), len(order)),
        {"strength": rows[keys]},
        "analysis.frames.strength.strength_response",
        legend=False,
    )


def _panel(name: str) -> str:
    described = metric.describe(name)
    return described.label + (" (fraction)" if described.unit == "fraction" else "")


def share_removed(frame: pd.DataFrame) -> Chart:
    """Share of spectral bins that the masks remove: over epochs by layer, a panel for each configuration.

    Args:
        frame: as of ``frames.regularizer.regularizer_quantity``.
    """
    rows = frame.assign(panel=frame["label"])
    order = list(dict.fromkeys(rows["panel"]))
    color = alt.Color("depth:Q", title="depth of the layer", scale=alt.Scale(scheme="viridis"),
                      legend=alt.Legend(orient="bottom", direction="horizontal", tickMinStep=1))  # fmt: skip
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = alt.Y("mean:Q", title="share removed", axis=alt.Axis(format="%"))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("layer:N"), alt.Tooltip("epoch:Q"), *chart.estimates(".2%")]
    encoding = {"color": color, "detail": "layer:N"}
    layers = [
        alt.Chart().mark_area().encode(x=x, y="low:Q", y2="high:Q", opacity=chart.opacity(0.15, 0.02), **encoding),
        alt.Chart().mark_line(point=alt.OverlayMarkDef(size=24)).encode(
            x=x, y=y, opacity=chart.opacity(), tooltip=tooltip, **encoding
        ),
    ]  # fmt: skip
    spec = chart.facet(layers, "share", order, height=220)
    keys = ["configuration", "panel", "layer", "depth", "epoch", "mean", "low", "high", "n"]
    return Chart(
        "share",
        "Share of the spectrum removed by the masks",
        "Share of spectral bins that the learned masks remove, over epochs, a line for each layer.",
        "Share of spectral bins that the learned binary mask sets to zero, mean over seeds "
        f"({chart.seeds(rows)}) with the {chart.INTERVAL}.",
        chart.finished(spec, (), len(order)),
        {"share": rows[keys]},
        "analysis.frames.regularizer.regularizer_quantity",
        legend=False,
    )
