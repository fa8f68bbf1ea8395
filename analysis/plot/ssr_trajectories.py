"""SSR of the first and the last layer over training, beside what two random initialisations give."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.plot.style import (
    INK,
    NULL,
    NULL_LABEL,
    Style,
    house_style,
    in_reading_order,
    layer_title,
    legend_below,
    nothing,
    panels,
    styles,
    whole_epochs,
)


def ssr_trajectories(frame: pd.DataFrame, null: pd.DataFrame, normalizations: tuple[str, ...] = ("dc",)) -> Figure:
    """One panel for each layer, normalization and reference; a line and its interval for each configuration.

    Args:
        frame: from :func:`analysis.aggregate.ssr_trajectories`, one context.
        null: from :func:`analysis.aggregate.null_distribution`; drawn where the reference is ``init``, since the null
            is made of initial states and says nothing of a reference taken after an epoch.
        normalizations: which to draw.
    """
    frame = frame[frame["normalization"].isin(normalizations)].dropna(subset="mean")
    if frame.empty:
        return nothing("No layer has an SSR.")
    keys = ["normalization", "position", "reference"]
    facets = in_reading_order(frame, keys)
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
        handles, labels = axes[0].get_legend_handles_labels()
        if len(null):
            handles, labels = [*handles, Patch(**NULL)], [*labels, NULL_LABEL]
        legend_below(figure, handles, labels)
    return figure


def _lines(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    ax.axhline(0, color=INK, lw=0.8)
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values("epoch")
        style = look[str(configuration)]
        step = max(1, len(line) // 6)
        ax.plot(line["epoch"], line["mean"], color=style.color, marker=style.marker, markevery=step,
                label=line["label"].iloc[0])  # fmt: skip
        ax.fill_between(line["epoch"], line["low"], line["high"], color=style.color, alpha=0.16, lw=0)
