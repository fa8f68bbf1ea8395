"""SSR after training: beside its null, by depth, and under every normalization and reference."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analysis.frames.ssr import null_words
from analysis.interactive import chart
from analysis.interactive.chart import Chart, Choice, Look
from analysis.interactive.ssr_trajectories import null_ranges
from analysis.metric import NORMALIZATIONS, REFERENCES

TOOLTIP = [alt.Tooltip("configuration:N"), alt.Tooltip("panel:N", title="panel"), *chart.estimates()]
WHOLE = "datum.value % 1 === 0 ? datum.label : ''"
KEYS = ["configuration", "label", "panel", "position", "normalization", "reference", "mean", "low", "high", "n"]


def beside_null(frame: pd.DataFrame, null: pd.DataFrame, look: Look) -> Chart:
    """A point and interval for each configuration against init, over the grey range of the null.

    Args:
        frame: as of ``frames.ssr.final_ssr``.
        null: as of ``frames.ssr.null_distribution``.
    """
    rows = frame[(frame["reference"] == "init") & frame["mean"].notna()]
    rows = rows.assign(panel=chart.layer_panel(rows))
    at = ["configuration", "position", "normalization"]
    ranges = null[[*at, "low", "high"]].rename(columns={"low": "null_low", "high": "null_high"})
    rows = rows[[*KEYS]].merge(ranges, on=at, how="left")
    choice = chart.normalization_choice(rows)
    kept = chart.matching("normalization")
    y = alt.Y("label:N", sort=list(dict.fromkeys(rows["label"])), title=None, axis=alt.Axis(labelLimit=190))
    null_range = alt.Chart().mark_bar(color="var(--null)", opacity=0.55, height={"band": 0.7})
    null_range = null_range.encode(x=alt.X("null_low:Q"), x2=alt.X2("null_high:Q"), y=y)
    layers = [null_range.transform_filter(kept), *_points(look, y, kept)]
    order = list(dict.fromkeys(rows["panel"]))
    height = max(90, 24 * rows["label"].nunique())
    spec = chart.facet(layers, "final", order, height=height, free="x")
    return Chart(
        "final",
        "Final SSR beside its null",
        "Final SSR of every configuration against the initial state, beside the range between random initialisations.",
        f"After the last epoch, against init. Points: mean over seeds ({chart.seeds(rows)}) with the {chart.INTERVAL}. "
        "Grey bar: the null, the SSR between two random initialisations of the same layer "
        f"({null_words(null['n'])}). An interval wholly inside it cannot be told from another random initialisation; "
        "one that straddles its edge says neither; no bar: no null was recorded for that normalization.",
        chart.finished(spec, [choice], len(order)),
        {"final": rows},
        "analysis.frames.ssr.final_ssr, null_distribution",
        [choice],
    )


def sensitivity(frame: pd.DataFrame, null: pd.DataFrame, look: Look) -> Chart:
    """A grid normalization x reference: does the order of the configurations survive the choice?

    Args:
        frame: as of ``frames.ssr.final_ssr``.
        null: as of ``frames.ssr.null_distribution``.
    """
    rows = frame.dropna(subset="mean")
    rows = rows.assign(panel=rows["normalization"] + ", against " + rows["reference"])
    at = ["configuration", "position", "normalization", "reference"]
    rows = rows[KEYS].merge(_init_null(null), on=at, how="left")
    options = [(str(p), f"{p} layer") for p in chart.positions(frame)]
    choice = Choice("chosen_position", "layer", options)
    kept = chart.matching("position")
    names = list(dict.fromkeys(rows["configuration"]))
    y = alt.Y("configuration:N", sort=names, title=None, axis=alt.Axis(labels=False, ticks=False))
    grey = alt.Chart().mark_bar(color="var(--null)", opacity=0.45, height={"band": 1})
    grey = grey.encode(x=alt.X("null_low:Q"), x2=alt.X2("null_high:Q"), y=y)
    layers = [grey.transform_filter(kept), *_points(look, y, kept)]
    order = [f"{n}, against {r}" for n in NORMALIZATIONS for r in REFERENCES]
    order = [panel for panel in order if (rows["panel"] == panel).any()]
    spec = chart.facet(layers, "grid", order, height=max(60, 13 * len(names)), free="x")
    return Chart(
        "sensitivity",
        "Does the order survive the definition?",
        "Final SSR of every configuration under every normalization and reference, a panel for each pair.",
        "One panel for each normalization and reference, configurations from top to bottom in the legend's order: an "
        "order that changes from panel to panel is a property of the definition, not of the regularizer. Points: mean "
        f"over seeds ({chart.seeds(rows)}) with the {chart.INTERVAL}; grey: the null "
        f"({null_words(null['n'])}; reference init only).",
        chart.finished(spec, [choice], len(order)),
        {"grid": rows},
        "analysis.frames.ssr.final_ssr",
        [choice],
    )


def by_depth(frame: pd.DataFrame, null: pd.DataFrame, look: Look) -> Chart:
    """SSR of every convolution with k > 1 against its depth.

    Args:
        frame: as of ``frames.ssr.ssr_by_depth``.
        null: as of ``frames.ssr.null_distribution`` of every layer (the module path as position).
    """
    rows = frame.assign(panel="every layer", kind="ssr")
    widest = null_ranges(null).drop(columns="position").assign(reference="init", kind="null")
    depths = frame.drop_duplicates("layer").set_index("layer")["depth"]
    widest = widest.assign(depth=widest["layer"].map(depths), panel="every layer").dropna(subset="depth")
    keys = ["configuration", "layer", "depth", "normalization", "reference", "mean", "low", "high", "n", "kind"]
    rows = pd.concat([rows, widest.sort_values("depth")], ignore_index=True).reindex(columns=keys)
    choices = [chart.normalization_choice(frame), chart.reference_choice(frame)]
    shown = chart.matching("normalization", "reference")
    x = alt.X("depth:Q", title="depth (order of the convolution in the network)", axis=alt.Axis(labelExpr=WHOLE))
    y = alt.Y("mean:Q", title="SSR")
    grey = alt.Chart().mark_area(color="var(--null)", opacity=0.45)
    grey = grey.encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("layer:N"), *chart.estimates()]
    line = f"datum.kind === 'ssr' && {shown}"
    zero = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(y=alt.datum(0))
    layers = [
        grey.transform_filter(f"datum.kind === 'null' && {shown}"),
        zero,
        chart.band(look, x, line),
        *chart.line(look, x, y, tooltip, line),
    ]
    spec = chart.layered(layers, "depth", 260)
    return Chart(
        "depth",
        "SSR of every layer, by depth",
        "Final SSR of every convolution against its depth, a line for each configuration.",
        f"Every convolution with k > 1, after the last epoch. Lines: mean over seeds ({chart.seeds(frame)}); bands: "
        f"{chart.INTERVAL}; grey: each layer's null ({null_words(null['n'])}; reference init only).",
        chart.finished(spec, choices),
        {"depth": rows},
        "analysis.frames.ssr.ssr_by_depth, null_distribution",
        choices,
    )


def _points(look: Look, y: alt.Y, kept: str) -> list[alt.Chart]:
    zero = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(x=alt.datum(0))
    interval = alt.Chart().mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y, color=look.color(), opacity=chart.opacity()
    )  # fmt: skip
    point = alt.Chart().mark_point(size=60, filled=True).encode(
        x=alt.X("mean:Q", title="SSR"), y=y, color=look.color(), shape=look.shape(), opacity=chart.opacity(),
        tooltip=TOOLTIP,
    )  # fmt: skip
    return [zero, interval.transform_filter(kept), point.transform_filter(kept)]


def _init_null(null: pd.DataFrame) -> pd.DataFrame:
    ranges = null[["configuration", "position", "normalization", "low", "high"]]
    ranges = ranges.rename(columns={"low": "null_low", "high": "null_high"})
    return ranges.assign(reference="init")
