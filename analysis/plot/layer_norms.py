"""Spectral norms of the fully connected layers over training."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import layer_norms as frames
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.explained_variance import x_axis
from analysis.plot.style import (
    LINES,
    first_configurations,
    heading,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    ramp,
    short,
    spread,
)


def layer_norms(frame: pd.DataFrame) -> Figure:
    """Norms over iterations, a line for each layer and one for their product, a panel for each configuration.

    Args:
        frame: from :func:`analysis.frames.layer_norms.layer_norms`, one context.
    """
    frame = frame[frame["mean"].astype(float) > 0]
    if frame.empty:
        return nothing("No run asked for the probe layer_norms.")
    x = x_axis(frame)
    layers = list(dict.fromkeys(frame.loc[frame["layer"] != "product"].sort_values("depth")["layer"]))
    colors = dict(zip(layers, ramp(len(layers)), strict=True)) | {"product": INK}
    groups = first_configurations(frame)
    means = frame["mean"].astype(float)
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=2.8)
        for ax, (_, rows) in zip(axes, groups, strict=True):
            for number, (layer, color) in enumerate(colors.items()):
                _line(ax, rows[rows["layer"] == layer].sort_values(x), x, color, number)
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
            ax.set_ylim(means.min() / 1.3, means.max() * 1.3)
            ax.set_title(short(heading(rows, frame)))
            ax.set_xlabel(x)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("spectral norm")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


def _line(ax: Axes, rows: pd.DataFrame, x: str, color: str, number: int) -> None:
    if rows.empty:
        return
    product = rows["layer"].iloc[0] == "product"
    places, mean = rows[x].to_numpy(float), rows["mean"].to_numpy(float)
    text = "product of all" if product else f"{rows['layer'].iloc[0]} (layer {int(rows['depth'].iloc[0]) + 1})"
    line = (0, (1, 1)) if product else LINES[number % len(LINES)]
    ax.plot(places, mean, color=color, lw=1.4, ls=line, label=text)
    low, high = (rows[end].astype(float) for end in ("low", "high"))
    ax.fill_between(places, low.clip(lower=mean.min() / 10), high, color=color, alpha=0.14, lw=0)


PLOT = Plot(
    title="Spectral norms of the layers",
    caption="Largest singular value of each fully connected layer's weight, and the product of all, which bounds the "
    "network's Lipschitz constant (after Rahaman et al. 2019, figure 1). Lines and bands: mean over seeds with the 95% "
    "interval, cut at the panel's edge.",
    frames=(frames.layer_norms,),
    draw=lambda frame: {"": layer_norms(frame)},
)
