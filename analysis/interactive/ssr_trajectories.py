"""SSR over training, with its interval and its null."""

from __future__ import annotations

import altair as alt
import pandas as pd

from analysis.frames.ssr import null_words
from analysis.interactive import chart
from analysis.interactive.chart import Chart, Look

SOURCE = "analysis.frames.ssr.ssr_trajectories"


def ssr_trajectories(frame: pd.DataFrame, null: pd.DataFrame, look: Look) -> Chart:
    """Panels by layer; lines by configuration; normalization and reference are chosen.

    Args:
        frame: as of ``frames.ssr.ssr_trajectories``.
        null: as of ``frames.ssr.null_distribution``.
    """
    rows = _rows(frame, null)
    choices = [chart.normalization_choice(frame), chart.reference_choice(frame)]
    line = f"datum.kind === 'ssr' && {chart.matching('normalization', 'reference')}"
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = alt.Y("mean:Q", title="SSR", scale=alt.Scale(zero=True))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("epoch:Q"), *chart.estimates()]
    grey = (
        alt.Chart()
        .mark_rect(color="var(--null)", opacity=0.45)
        .encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
        .transform_filter(
            "datum.kind === 'null' && chosen_reference === 'init' && datum.normalization === chosen_normalization"
        )
    )
    zero = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(y=alt.datum(0))
    layers = [grey, zero, chart.band(look, x, line), *chart.line(look, x, y, tooltip, line)]
    order = list(dict.fromkeys(rows["panel"]))
    spec = chart.facet(layers, "ssr", order, height=230, free="y")
    return Chart(
        "ssr",
        "SSR over training",
        "Spectral suppression ratio of the first and the last layer over the epochs, a line for each configuration.",
        f"Lines: mean over seeds ({chart.seeds(frame)}); bands: {chart.INTERVAL}. Grey: the SSR between two random "
        f"initialisations of the layer (the null, {null_words(null['n'])}), which belongs to the reference init only. "
        "Above 0 the layer holds less high-frequency power than in the reference state, below 0 more.",
        chart.finished(spec, choices, len(order)),
        {"ssr": rows},
        SOURCE,
        choices,
        marks=3 * int(frame[["configuration", "position", "epoch"]].drop_duplicates().shape[0]),
    )


def _rows(frame: pd.DataFrame, null: pd.DataFrame) -> pd.DataFrame:
    keys = ["configuration", "panel", "normalization", "reference", "epoch", "mean", "low", "high", "n", "kind"]
    lines = frame.assign(panel=chart.layer_panel(frame), kind="ssr")
    ranges = null_ranges(null[null["position"].isin(frame["position"])])
    titles = lines.drop_duplicates("position").set_index("position")["panel"]
    ranges = ranges.assign(panel=ranges["position"].map(titles), kind="null")
    order = {position: i for i, position in enumerate(chart.positions(frame))}
    lines = lines.sort_values("position", key=lambda p: p.map(order), kind="stable")
    return pd.concat([lines, ranges], ignore_index=True).reindex(columns=keys)


def null_ranges(null: pd.DataFrame) -> pd.DataFrame:
    """The null of each position, layer and normalization once: the configurations of a context share it."""
    keys = ["position", "layer", "normalization", "low", "high", "n"]
    return null[keys].drop_duplicates(ignore_index=True)
