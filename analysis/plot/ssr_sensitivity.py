"""Final SSR under every normalization and reference on one page: does the order of the regularizers survive?"""

from __future__ import annotations

from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis.frames import ssr
from analysis.palette import INK
from analysis.plot.base import Drawn, Plot
from analysis.plot.style import (
    NULL,
    WIDTH,
    Style,
    house_style,
    in_reading_order,
    layer_title,
    legend_below,
    nothing,
    null_label,
    short,
    spread,
    styles,
)


def ssr_sensitivity(frame: pd.DataFrame, null: pd.DataFrame, position: str) -> Figure:
    """A grid of one layer: normalizations beside one another, references below one another.

    Every panel has the configurations in the same order, each with its mean, its interval and its rank by the mean
    (1: largest SSR), so that a change of order shows without measuring.

    Args:
        frame: from :func:`analysis.frames.ssr.final_ssr`, one context.
        null: from :func:`analysis.frames.ssr.null_distribution`; drawn against ``init`` only.
        position: which of the frame's layers.
    """
    frame = frame[frame["position"] == position].dropna(subset="mean")
    if frame.empty:
        return nothing("No layer has an SSR.")
    order = list(dict.fromkeys(frame["configuration"]))
    look = styles(frame)
    normalizations = [name for (name,) in in_reading_order(frame, ["normalization"])]
    references = [name for (name,) in in_reading_order(frame, ["reference"])]
    with house_style():
        height = len(references) * (0.2 * max(len(order), 3) + 0.75) + 0.6
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        grid = figure.subplots(len(references), len(normalizations), squeeze=False, sharey=True)
        for (i, reference), (j, normalization) in product(enumerate(references), enumerate(normalizations)):
            ax = grid[i][j]
            rows = frame[(frame["reference"] == reference) & (frame["normalization"] == normalization)]
            bands = null[(null["normalization"] == normalization) & (null["position"] == position)]
            _panel(ax, rows, bands if reference == "init" else bands.iloc[:0], order, look)
            ax.set_title(normalization.replace("_", " ") if i == 0 else "")
            ax.set_ylabel(f"against {reference}" if j == 0 else "")
        labels = frame.drop_duplicates("configuration")["label"]
        grid[0][0].set_yticks(range(len(order)), [short(label, 24) for label in labels])
        grid[0][0].set_ylim(len(order) - 0.4, -0.6)
        figure.suptitle(
            f"{layer_title(frame, position)}: SSR after training; small numbers: rank by the mean", fontsize=9.5
        )
        legend_below(figure, [Patch(**NULL)], [null_label(null)], spread(frame))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, null: pd.DataFrame, order: list[str], look: dict[str, Style]) -> None:
    ax.axvline(0, color=INK, lw=0.8)
    bands = null.set_index("configuration")
    ranks = rows["mean"].rank(ascending=False, method="min").astype(int)
    for (_, row), rank in zip(rows.iterrows(), ranks, strict=True):
        y, style = order.index(row["configuration"]), look[row["configuration"]]
        if row["configuration"] in bands.index:
            band = bands.loc[row["configuration"]]
            ax.barh(y, band["high"] - band["low"], left=band["low"], height=0.8, **NULL)
        error = row["half_width"] if pd.notna(row["half_width"]) else None
        ax.errorbar(row["mean"], y, xerr=error, color=style.color, marker=style.marker, capsize=2, ls="", ms=4)
        ax.text(1.0, y, f" {rank}", transform=ax.get_yaxis_transform(), fontsize=6.8, va="center", clip_on=False)
    if rows.empty:
        ax.text(0.5, 0.5, "undefined", transform=ax.transAxes, ha="center", va="center", fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.grid(visible=False, axis="y")


def _draw(frame: pd.DataFrame, null: pd.DataFrame) -> Drawn:
    positions = [position for (position,) in in_reading_order(frame, ["position"])]
    return {position: ssr_sensitivity(frame, null, position) for position in positions} or {
        "": nothing("No layer has an SSR.")
    }


PLOT = Plot(
    title="SSR under every normalization and reference",
    caption="After the last epoch: mean over seeds with the 95% interval. Small numbers: rank by the mean, 1 the "
    "largest SSR; where the ranks of a row of panels agree, the order does not hang on the normalization. Grey"
    " boxes: the SSR between two random initialisations (the null; its draws are in the legend), against init only. "
    "Each panel has its own scale.",
    frames=(ssr.final_ssr, ssr.null_distribution),
    draw=_draw,
)
