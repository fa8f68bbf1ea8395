"""SSR of the first and the last layer over training, beside what two random initialisations give."""

from __future__ import annotations

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
    house_style,
    in_reading_order,
    layer_title,
    legend_below,
    legend_of,
    nothing,
    null_label,
    panels,
    spread,
    styles,
    whole_epochs,
)


def ssr_trajectories(frame: pd.DataFrame, null: pd.DataFrame, normalizations: tuple[str, ...] = ("dc",)) -> Figure:
    """One panel for each layer, normalization and reference; a line and its interval for each configuration.

    Args:
        frame: from :func:`analysis.frames.ssr.ssr_trajectories`, one context.
        null: from :func:`analysis.frames.ssr.null_distribution`; drawn where the reference is ``init``, since the null
            is made of initial states and says nothing of a reference taken after an epoch.
        normalizations: which to draw.
    """
    frame = frame[frame["normalization"].isin(normalizations)].dropna(subset="mean")
    if frame.empty:
        return nothing("No layer has an SSR.")
    facets = in_reading_order(frame, ["normalization", "position", "reference"])
    look = styles(frame)
    with house_style():
        figure, axes = panels(len(facets))
        for ax, (normalization, position, reference) in zip(axes, facets, strict=True):
            rows = frame[(frame["normalization"] == normalization) & (frame["position"] == position)]
            rows = rows[rows["reference"] == reference]
            band = null[(null["normalization"] == normalization) & (null["position"] == position)]
            if reference == "init" and len(band):
                ax.axhspan(band["low"].min(), band["high"].max(), **NULL)
            _lines(ax, rows, look)
            ax.set_title(f"{layer_title(frame, position)}\n{normalization}, against {reference}")
            whole_epochs(ax)
            ax.set_ylabel("SSR (> 0: suppressed)")
        handles, labels = legend_of(axes[0])
        if len(null):
            handles, labels = [*handles, Patch(**NULL)], [*labels, null_label(null)]
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _lines(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    ax.axhline(0, color=INK, lw=0.8)
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values("epoch")
        style = look[str(configuration)]
        ax.plot(line["epoch"], line["mean"], color=style.color, marker=style.marker, ls=style.line,
                markevery=max(1, len(line) // 6), label=line["label"].iloc[0])  # fmt: skip
        ax.fill_between(line["epoch"], line["low"], line["high"], color=style.color, alpha=0.16, lw=0)


def _draw(frame: pd.DataFrame, null: pd.DataFrame) -> Drawn:
    others = tuple(name for name in frame["normalization"].unique() if name != "dc")
    main = {"": ssr_trajectories(frame, null)}
    return {**main, "every other normalization": ssr_trajectories(frame, null, others)} if others else main


PLOT = Plot(
    title="SSR over training",
    caption="Lines: mean over seeds; bands: 95% interval. Grey: the SSR between two random initialisations (the"
    " null; its draws are in the legend), which belongs to the reference init only. Above 0 the layer "
    "holds less high-frequency power than in the reference state, below 0 more.",
    frames=(ssr.ssr_trajectories, ssr.null_distribution),
    draw=_draw,
)
