"""Parallel coordinates: every run as a line through its hyperparameters and its metrics."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from analysis.formatting import shortened, value_text
from analysis.interactive import chart
from analysis.interactive.chart import Chart

TITLES = {
    "validation_accuracy": "validation accuracy",
    "clean_accuracy": "clean accuracy",
    "validation_loss": "validation MSE",
    "clean_loss": "test MSE",
}
"""How the axis of a metric is called; that of a hyperparameter is called by its key."""
FEW = 6
"""An axis of at most so many values is marked at these, if they do not crowd."""
LANE = -0.14
"""Height of the lane that holds what a run does not have: a metric of a run that diverged."""


def parallel_coordinates(values: pd.DataFrame, colors: dict[str, str]) -> Chart:
    """Lines of runs over axes; what is missing lies in a lane below.

    Args:
        values: as of :func:`analysis.frames.runs.run_table`.
        colors: regularizer -> name of the CSS variable of its colour.
    """
    keys = ["run_id", "run_name", "configuration", "status", "seed"]
    axes = [str(name) for name in values.columns if name not in keys]
    placed = [_axis(values[name]) for name in axes]
    # Names of axes are keys of recorded configurations: they are data, the fields are called a0, a1, ...
    fields = [f"a{i}" for i in range(len(axes))]
    lines = values[["configuration", "seed", "status", "regularizer"]].assign(run=range(len(values)))
    lines = lines.assign(**{field: at.to_numpy() for field, (at, _) in zip(fields, placed, strict=True)})
    ticks = pd.concat([table.assign(axis=f) for f, (_, table) in zip(fields, placed, strict=True)], ignore_index=True)
    x = alt.X("axis:N", sort=fields, title=None, scale=alt.Scale(type="point", padding=0.4),
              axis=alt.Axis(labelAngle=0, orient="top", grid=True, labelLimit=120, domain=False, ticks=False,
                            labelExpr="titles[datum.value]"))  # fmt: skip
    y = alt.Y("at:Q", axis=None, scale=alt.Scale(domain=[LANE - 0.05, 1.05]))
    scale = alt.Scale(domain=list(colors), range=[f"var({name})" for name in colors.values()])
    color = alt.Color("regularizer:N", scale=scale, title="regularizer", legend=alt.Legend(orient="bottom", columns=3))
    many = max(0.15, min(0.8, 40 / max(len(values), 1)))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("seed:N"), alt.Tooltip("status:N")]
    line = alt.Chart().mark_line(strokeWidth=1.3).encode(
        x=x, y=y, color=color, detail="run:N", opacity=chart.opacity(many, 0.03), tooltip=tooltip,
        strokeDash=alt.condition("datum.status === 'complete'", alt.value([1, 0]), alt.value([4, 2])),
    )  # fmt: skip
    line = line.transform_fold(fields, as_=["axis", "at"])
    text = alt.Chart(alt.NamedData(name="ticks")).mark_text(
        align="left", dx=5, fontSize=10, color="var(--ink)", stroke="var(--paper)", strokeWidth=2.5
    )
    words = alt.Chart(alt.NamedData(name="ticks")).mark_text(align="left", dx=5, fontSize=10, color="var(--ink)")
    halo, words = (part.encode(x=x, y=y, text="text:N") for part in (text, words))
    spec = chart.finished(chart.layered([line, halo, words], "parallel", 380))
    titles = {field: TITLES.get(name, name) for field, name in zip(fields, axes, strict=True)}
    spec["params"].append({"name": "titles", "value": titles})
    return Chart(
        "parallel",
        "Every run: hyperparameters and metrics",
        "Parallel coordinates: each run is a line through its hyperparameters and its metrics.",
        "One line for each run. Numbers that span decades lie on a logarithmic axis with 0 at its foot. The lane at "
        "the bottom holds what a run does not have: a hyperparameter of another regularizer, or the metric of a run "
        "that diverged or failed (dashed).",
        spec,
        {"parallel": lines, "ticks": ticks},
        "analysis.frames.runs.run_table",
        legend=False,
        marks=len(lines) * len(fields),
    )


def _axis(column: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """Heights in [0, 1] (the lane where missing), and the axis' ticks: at, text."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _numeric(column.astype(float))
    texts = column.map(value_text)
    distinct = sorted(dict.fromkeys(texts[texts != "–"]))
    step = 1 / max(len(distinct) - 1, 1)
    place = {text: i * step for i, text in enumerate(distinct)}
    shown = distinct[:: max(1, -(-len(distinct) // 12))]
    ticks = pd.DataFrame({"at": [place[t] for t in shown], "text": [shortened(t, 16) for t in shown]})
    return texts.map(place).fillna(LANE), _with_lane(ticks, bool((texts == "–").any()))


def _numeric(values: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    logarithmic = len(positive) > 0 and (finite >= 0).all() and positive.max() / positive.min() >= 10
    foot = 0.1 if logarithmic and (finite == 0).any() else 0.0
    scaled = pd.Series(np.log10(values.where(values > 0)) if logarithmic else values, dtype=float)
    low, high = scaled.min(), scaled.max()
    span = high - low if high > low else 1.0
    at = foot + (1 - foot) * (scaled - low) / span
    if foot:
        at = at.mask(values == 0, 0.0)
    distinct = np.sort(scaled[np.isfinite(scaled)].unique())
    clear = 0 < len(distinct) <= FEW and (np.diff(distinct) > 0.07 * span).all()
    marks = distinct if clear else np.linspace(low, high, 5)
    marks = marks[np.isfinite(marks)]
    ticks = pd.DataFrame(
        {"at": foot + (1 - foot) * (marks - low) / span, "text": [f"{10**m if logarithmic else m:.3g}" for m in marks]}
    )
    if foot:
        ticks = pd.concat([pd.DataFrame({"at": [0.0], "text": ["0"]}), ticks], ignore_index=True)
    return at.fillna(LANE), _with_lane(ticks, bool(values.isna().any()))


def _with_lane(ticks: pd.DataFrame, lane: bool) -> pd.DataFrame:
    return pd.concat([ticks, pd.DataFrame({"at": [LANE], "text": ["none"]})], ignore_index=True) if lane else ticks
