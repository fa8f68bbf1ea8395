"""Accuracy under corruption: curves, the heat map of differences, and its trade-off with clean accuracy."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analysis.interactive import chart
from analysis.interactive.chart import Chart, Choice, Look
from analysis.interval import NOTE


def robustness_curves(frame: pd.DataFrame, look: Look) -> Chart:
    """Accuracy over severity, a panel for each corruption.

    Args:
        frame: as of ``frames.robustness.robustness_curves``.
    """
    rows = chart.cut(frame).assign(panel=frame["corruption"] + ": " + frame["parameter_unit"], at=_parameter(frame))
    order = list(dict.fromkeys(rows["panel"]))
    x = alt.X("severity:O", title="severity (0: the clean set)", axis=alt.Axis(labelAngle=0, grid=False))
    y = alt.Y("mean:Q", title="accuracy", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    tooltip = [
        alt.Tooltip("configuration:N"), alt.Tooltip("severity:O"), alt.Tooltip("at:N", title="parameter"),
        *chart.estimates(".2%"),
    ]  # fmt: skip
    layers = [chart.band(look, x), *chart.line(look, x, y, tooltip)]
    spec = chart.facet(layers, "robustness", order, free="x")
    keys = ["configuration", "panel", "severity", "at", "mean", "low", "high", "n"]
    return Chart(
        "robustness",
        "Robustness",
        "Test accuracy over the severity of each corruption, a line for each configuration.",
        f"Accuracy on the test split, mean over seeds ({chart.seeds(rows)}) with the {chart.INTERVAL}. The physical "
        f"parameter of each severity is in the tooltip and in the definitions. {NOTE}",
        chart.finished(spec, (), len(order)),
        {"robustness": rows[keys]},
        "analysis.frames.robustness.robustness_curves",
    )


def robustness_map(frame: pd.DataFrame, differences: pd.DataFrame) -> Chart:
    """Accuracy in every cell corruption x severity; colour: its difference from the baseline.

    Args:
        frame: as of ``frames.robustness.robustness_curves``.
        differences: configuration, corruption, severity, mean, low, high of the paired differences; may be empty.
    """
    rows = chart.cut(frame[frame["severity"] > 0]).assign(at=_parameter(frame))
    found = differences.rename(columns={"mean": "difference", "low": "difference_low", "high": "difference_high"})
    rows = rows.merge(found, on=["configuration", "corruption", "severity"], how="left")
    clear = (rows["difference_low"] > 0) | (rows["difference_high"] < 0)
    rows = rows.assign(
        points=100 * rows["difference"].astype(float).fillna(0),
        text=(100 * rows["mean"]).map("{:.1f}".format) + clear.map({True: "*", False: ""}),
        panel=rows["corruption"],
    )
    most = max(float((100 * rows["difference"]).abs().max()) if rows["difference"].notna().any() else 1.0, 1.0)
    scale = alt.Scale(domain=[-most, 0, most], range=["#d8853c", "#f4f4f4", "#4f8fc9"])
    color = alt.Color("points:Q", scale=scale, title="difference from the baseline (pp)",
                      legend=alt.Legend(orient="bottom", direction="horizontal"))  # fmt: skip
    y = alt.Y("label:N", sort=list(dict.fromkeys(rows["label"])), title=None, axis=alt.Axis(labelLimit=190))
    x = alt.X("severity:O", title="severity", axis=alt.Axis(labelAngle=0))
    tooltip = [
        alt.Tooltip("configuration:N"), alt.Tooltip("at:N", title="parameter"), *chart.estimates(".2%"),
        alt.Tooltip("difference:Q", title="difference", format="+.2%"),
        alt.Tooltip("difference_low:Q", title="difference from", format="+.2%"),
        alt.Tooltip("difference_high:Q", title="difference to", format="+.2%"),
    ]  # fmt: skip
    cell = alt.Chart().mark_rect(stroke="var(--paper)").encode(x=x, y=y, color=color, tooltip=tooltip)
    text = alt.Chart().mark_text(fontSize=10, color="#1b1c1e").encode(x=x, y=y, text="text:N")
    order = list(dict.fromkeys(rows["panel"]))
    height = max(60, 22 * rows["label"].nunique())
    spec = chart.facet([cell, text], "map", order, height=height, free="x")
    keys = ["configuration", "label", "panel", "severity", "at", "text", "points", "mean", "low", "high", "n",
            "difference", "difference_low", "difference_high"]  # fmt: skip
    return Chart(
        "map",
        "Robustness beside the baseline",
        "Accuracy of every configuration under every corruption, coloured by the difference to the baseline.",
        f"Numbers: accuracy in %, mean over seeds ({chart.seeds(rows)}). Colour: paired difference from the baseline "
        "in percentage points; the baseline's own row is 0. *: the 95% interval of that difference leaves out 0, each "
        "cell for itself; Holm's correction is in the differences above. " + NOTE,
        chart.finished(spec, (), len(order)),
        {"map": rows[keys]},
        "analysis.frames.robustness.robustness_curves, analysis.compare.differences",
        legend=False,
    )


def trade_off(points: pd.DataFrame, look: Look) -> Chart:
    """Accuracy under corruption against clean accuracy, with the front of the means.

    Args:
        points: as of ``frames.robustness.trade_off``.
    """
    rows = _ranges(points)
    choice = _corruption(rows)
    kept = chart.matching("corruption")
    layers = _scatter(kept, look.color(), look.shape(), 80)
    spec = chart.layered(layers, "tradeoff", 320)
    return Chart(
        "tradeoff",
        "Accuracy against robustness",
        "Accuracy under corruption against clean accuracy, a point for each configuration.",
        f"Means over seeds ({chart.seeds(rows)}) with 95% intervals in both directions. Rings and the dashed line: the "
        "Pareto front of the means (only where every configuration has n of 2 or more); where intervals overlap the "
        f"order may be the seeds' luck. {NOTE}",
        chart.finished(spec, [choice], look=look),
        {"tradeoff": rows},
        "analysis.frames.robustness.trade_off",
        [choice],
    )


def all_trade_offs(points: pd.DataFrame, colors: dict[str, str]) -> Chart:
    """Every configuration of every context in one scatter, coloured by regularizer; no front across contexts.

    Args:
        points: as of ``frames.robustness.trade_off``.
        colors: regularizer -> name of the CSS variable of its colour.
    """
    choice = _corruption(points)
    fields = {name: f"r{i}" for i, (name, _) in enumerate(choice.options)}
    rows = points[["configuration", "regularizer", "clean", "n"]].drop_duplicates("configuration")
    for name, robust in points.groupby("corruption", sort=False)["robust"]:
        rows = rows.assign(**{fields[str(name)]: rows["configuration"].map(_by_configuration(points, robust))})
    choice = Choice("chosen_corruption", choice.label, [(fields[value], words) for value, words in choice.options])
    scale = alt.Scale(domain=list(colors), range=[f"var({name})" for name in colors.values()])
    color = alt.Color("regularizer:N", scale=scale, title="regularizer", legend=alt.Legend(orient="bottom", columns=3))
    tooltip = [entry for entry in _words() if entry.shorthand != "corruption:N"]
    mark = alt.Chart().mark_circle(size=26).encode(
        x=_accuracy("clean:Q", "clean accuracy"), y=_accuracy("robust:Q", "accuracy under corruption"), color=color,
        opacity=chart.opacity(0.7, 0.04), tooltip=tooltip,
    )  # fmt: skip
    mark = mark.transform_calculate(robust="datum[chosen_corruption]")
    spec = chart.layered([mark], "alltradeoffs", 380)
    return Chart(
        "alltradeoffs",
        "Accuracy against robustness, all configurations",
        "Accuracy under corruption against clean accuracy of all configurations, coloured by regularizer.",
        f"One point for each configuration with a complete run, means over seeds ({chart.seeds(rows)}). Configurations "
        "of different models and data sets stand in one picture; which of them are comparable the table says.",
        chart.finished(spec, [choice]),
        {"alltradeoffs": rows},
        "analysis.frames.robustness.trade_off",
        [choice],
        legend=False,
        marks=len(rows),
    )


def _by_configuration(points: pd.DataFrame, values: pd.Series) -> pd.Series:
    return pd.Series(values.to_numpy(), index=points.loc[values.index, "configuration"])


def _scatter(kept: str, color: alt.Color, shape: alt.Shape, size: int) -> list[alt.Chart]:
    x, y = _accuracy("clean:Q", "clean accuracy"), _accuracy("robust:Q", "accuracy under corruption")
    base = {"color": color, "opacity": chart.opacity(0.75, 0.06)}
    front = alt.Chart().mark_line(strokeDash=[4, 3], color="var(--soft)", strokeWidth=1.2)
    front = front.encode(x=x, y=y, order=alt.Order("clean:Q"))
    ring = alt.Chart().mark_point(size=240, filled=False, color="var(--soft)").encode(x=x, y=y)
    on_front = f"{kept} && datum.on_front === 1"
    return [
        front.transform_filter(on_front),
        ring.transform_filter(on_front),
        alt.Chart().mark_rule().encode(x=x, y="low:Q", y2="high:Q", **base).transform_filter(kept),
        alt.Chart().mark_rule().encode(y=y, x="clean_low:Q", x2="clean_high:Q", **base).transform_filter(kept),
        alt.Chart().mark_point(size=size, filled=True)
        .encode(x=x, y=y, shape=shape, tooltip=_words(), **base).transform_filter(kept),
    ]  # fmt: skip


def _accuracy(field: str, title: str) -> alt.X | alt.Y:
    kind = alt.X if field.startswith("clean") else alt.Y
    return kind(field, title=title, axis=alt.Axis(format="%"), scale=alt.Scale(zero=False))


def _words() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("configuration:N"), alt.Tooltip("corruption:N"), alt.Tooltip("clean:Q", format=".2%"),
        alt.Tooltip("robust:Q", title="corrupted", format=".2%"), alt.Tooltip("n:Q", title="n (seeds)"),
    ]  # fmt: skip


def _ranges(points: pd.DataFrame) -> pd.DataFrame:
    rows = points.assign(
        low=(points["robust"] - points["robust_half_width"]).clip(lower=0.0),
        high=(points["robust"] + points["robust_half_width"]).clip(upper=1.0),
        clean_low=(points["clean"] - points["clean_half_width"]).clip(lower=0.0),
        clean_high=(points["clean"] + points["clean_half_width"]).clip(upper=1.0),
        on_front=points["on_front"].map({True: 1, False: 0}).fillna(0).astype(int),
    )  # fmt: skip
    keys = ["configuration", "regularizer", "corruption", "clean", "clean_low", "clean_high", "robust", "low", "high",
            "n", "on_front"]  # fmt: skip
    return rows[keys]


def _corruption(rows: pd.DataFrame) -> Choice:
    names = sorted(dict.fromkeys(rows["corruption"].astype(str)), key=lambda name: (name != "all", name))
    options = [(name, "mean over corruptions" if name == "all" else name) for name in names]
    return Choice("chosen_corruption", "corruption", options)


def _parameter(frame: pd.DataFrame) -> pd.Series:
    return frame["parameter"].map(lambda value: "clean" if pd.isna(value) else f"{value:.12g}")
