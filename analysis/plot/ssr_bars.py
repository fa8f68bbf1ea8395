"""Final SSR of every configuration beside the null of its layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis.frames import ssr
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import (
    NULL,
    SOFT,
    Style,
    house_style,
    in_reading_order,
    layer_title,
    legend_below,
    nothing,
    null_label,
    panels,
    short,
    spread,
    styles,
)


def ssr_bars(frame: pd.DataFrame, null: pd.DataFrame, reference: str = "init") -> Figure:
    """One panel for each layer and normalization; a bar with its interval, the null's range as a grey box behind.

    Args:
        frame: from :func:`analysis.frames.ssr.final_ssr`, one context.
        null: from :func:`analysis.frames.ssr.null_distribution`.
        reference: which reference's SSR is drawn; the null belongs to ``init``.
    """
    frame = frame[frame["reference"] == reference].dropna(subset="mean")
    if frame.empty:
        return nothing("No layer has an SSR.")
    look = styles(frame)
    facets = in_reading_order(frame, ["normalization", "position"])
    with house_style():
        figure, axes = panels(len(facets), height=0.34 * len(look) + 1.1)
        for ax, (normalization, position) in zip(axes, facets, strict=True):
            rows = frame[(frame["normalization"] == normalization) & (frame["position"] == position)]
            bands = null[(null["normalization"] == normalization) & (null["position"] == position)]
            _bars(ax, rows, bands.set_index("configuration"), look, reference)
            ax.set_title(f"{layer_title(frame, position)}\n{normalization}")
            ax.set_xlabel(f"SSR against {reference}")
        note = f"bars: {spread(frame)}"
        legend_below(figure, [Patch(**NULL)], [null_label(null)], note)
    return figure


def _bars(ax: Axes, rows: pd.DataFrame, null: pd.DataFrame, look: dict[str, Style], reference: str) -> None:
    y = np.arange(len(rows))
    for i, (_, row) in enumerate(rows.iterrows()):
        if reference == "init" and row["configuration"] in null.index:
            band = null.loc[row["configuration"]]
            ax.barh(i, band["high"] - band["low"], left=band["low"], height=0.86, **NULL)
        ax.barh(i, row["mean"], height=0.5, color=look[row["configuration"]].color)
        if pd.notna(row["half_width"]):
            ax.errorbar(row["mean"], i, xerr=row["half_width"], color=SOFT, capsize=2.5, lw=1.4)
    ax.axvline(0, color=INK, lw=0.8)
    ax.set_yticks(y, [short(label, 26) for label in rows["label"]])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.grid(visible=False, axis="y")


PLOT = Plot(
    title="Final SSR beside its null",
    caption="After the last epoch, against init. Bars: mean over seeds with the 95% interval. Grey boxes: the "
    "SSR between two random initialisations of the same layer (the null; the legend says of how many draws, and "
    "whether 95% or all of them). An interval wholly inside its box cannot be told from another random "
    "initialisation; no box: no null was recorded for that normalization.",
    frames=(ssr.final_ssr, ssr.null_distribution),
    draw=lambda frame, null: {"": ssr_bars(frame, null)},
)
