"""SSR of every layer after training, over the layer's depth, with the null of each layer."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.frames import ssr
from analysis.palette import INK
from analysis.plot.base import Drawn, Plot
from analysis.plot.style import (
    NULL,
    Style,
    depth_ticks,
    house_style,
    in_reading_order,
    legend_below,
    legend_of,
    nothing,
    null_label,
    panels,
    spread,
    styles,
)


def ssr_by_depth(frame: pd.DataFrame, null: pd.DataFrame, normalizations: tuple[str, ...] = ("dc",)) -> Figure:
    """One panel for each normalization and reference; a line and its band for each configuration.

    Layers stand at equal steps. The null's ribbon is, layer by layer, the range that the configurations share.

    Args:
        frame: from :func:`analysis.frames.ssr.ssr_by_depth`, one context.
        null: from :func:`analysis.frames.ssr.null_distribution` with ``layers=()``; drawn against ``init`` only.
        normalizations: which to draw.
    """
    frame = frame[frame["normalization"].isin(normalizations)].dropna(subset="mean")
    if frame.empty:
        return nothing("No layer has an SSR.")
    facets = in_reading_order(frame, ["normalization", "reference"])
    look = styles(frame)
    depths = sorted(frame["depth"].unique())
    frame = frame.assign(place=frame["depth"].map({depth: i for i, depth in enumerate(depths)}))
    places = frame.drop_duplicates("layer").set_index("layer")["place"]
    with house_style():
        figure, axes = panels(len(facets))
        for ax, (normalization, reference) in zip(axes, facets, strict=True):
            rows = frame[(frame["normalization"] == normalization) & (frame["reference"] == reference)]
            if reference == "init":
                _null(ax, null[null["normalization"] == normalization], places)
            _lines(ax, rows, look)
            ax.set_xticks(*depth_ticks(depths))
            ax.set_title(f"{normalization}, against {reference}")
            ax.set_xlabel("layer (depth)")
            ax.set_ylabel("SSR (> 0: suppressed)")
        handles, labels = legend_of(axes[0])
        if len(null):
            handles, labels = [*handles, Patch(**NULL)], [*labels, null_label(null)]
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _null(ax: Axes, null: pd.DataFrame, places: pd.Series) -> None:
    null = null.assign(place=null["layer"].map(places)).dropna(subset="place")
    if len(null):
        ribbon = null.groupby("place").agg(low=("low", "min"), high=("high", "max"))
        ax.fill_between(ribbon.index, ribbon["low"], ribbon["high"], step="mid", **NULL)


def _lines(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    ax.axhline(0, color=INK, lw=0.8)
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values("place")
        style = look[str(configuration)]
        ax.plot(line["place"], line["mean"], color=style.color, marker=style.marker, ls=style.line, ms=4, lw=1.3,
                label=line["label"].iloc[0])  # fmt: skip
        ax.fill_between(line["place"], line["low"], line["high"], color=style.color, alpha=0.16, lw=0)


def _draw(frame: pd.DataFrame, null: pd.DataFrame) -> Drawn:
    others = tuple(name for name in frame["normalization"].unique() if name != "dc")
    main = {"": ssr_by_depth(frame, null)}
    return {**main, "every other normalization": ssr_by_depth(frame, null, others)} if others else main


PLOT = Plot(
    title="SSR by depth",
    caption="SSR of every convolution with k > 1 after the last epoch, mean over seeds; bands: 95% interval. Grey: the"
    " SSR between two random initialisations of the layer (the null; its draws are in the legend), against init only.",
    frames=(ssr.ssr_by_depth, partial(ssr.null_distribution, layers=())),
    draw=_draw,
)
