"""A function to fit and what models make of it at a few epochs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import function as frames
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.explained_variance import x_axis
from analysis.plot.style import SOFT, WIDTH, Style, house_style, legend_below, nothing, short, spread, styles

ROWS = 4
"""States shown; of more, evenly spaced ones with the first and the last."""
COLUMNS = 4
"""Configurations in a row of panels."""


def function_fit(frame: pd.DataFrame) -> Figure:
    """The target in grey and the model's function over one period, a column a configuration, a row a state.

    Args:
        frame: from :func:`analysis.frames.function.function_fit`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe function_spectrum.")
    look = styles(frame)
    epochs = thinned(sorted(int(epoch) for epoch in frame["epoch"].unique()), ROWS)
    groups = list(frame.groupby("configuration", sort=False))
    blocks = [groups[i : i + COLUMNS] for i in range(0, len(groups), COLUMNS)]
    low, high = bounds(frame)
    with house_style():
        height = len(epochs) * len(blocks)
        figure = Figure(figsize=(WIDTH, 1.15 * height + 0.7), layout="constrained")
        axes = figure.subplots(height, min(len(groups), COLUMNS), squeeze=False, sharex=True, sharey=True)
        axes[0, 0].set_ylim(low, high)
        for i, block in enumerate(blocks):
            rows = axes[i * len(epochs) : (i + 1) * len(epochs)]
            _block(rows, block, epochs, look)
        for ax in axes[-1]:
            ax.set_xlabel("x, periods")
        handles = [Line2D([], [], color=SOFT, lw=1), Line2D([], [], color=INK, lw=1.2)]
        legend_below(figure, handles, ["function to fit", "model"], spread(frame))
    return figure


def _block(
    axes: np.ndarray, groups: Sequence[tuple[object, pd.DataFrame]], epochs: list[int], look: dict[str, Style]
) -> None:
    for row, epoch in zip(axes, epochs, strict=True):
        for ax in row[len(groups) :]:
            ax.set_visible(False)
        for ax, (configuration, rows) in zip(row, groups, strict=False):
            state = rows[rows["epoch"] == epoch].sort_values("position")
            curve(ax, state, look[str(configuration)].color)
            if epoch == epochs[0]:
                ax.set_title(short(rows["label"].iloc[0], 24), fontsize=8.5)
        row[0].set_ylabel(state_text(groups[0][1], epoch), fontsize=8)


def curve(ax: Axes, state: pd.DataFrame, color: str) -> None:
    """The target, the mean of the models' functions and its interval."""
    ax.plot(state["position"], state["target"], color=SOFT, lw=0.7, alpha=0.6)
    ax.plot(state["position"], state["mean"], color=color, lw=1.1)
    ax.fill_between(state["position"], state["low"].astype(float), state["high"].astype(float), color=color, alpha=0.2,
                    lw=0)  # fmt: skip


def state_text(rows: pd.DataFrame, epoch: int) -> str:
    """``iteration 200``, or ``epoch 20`` where the records do not say how many updates an epoch has."""
    unit = x_axis(rows)
    found = rows.loc[rows["epoch"] == epoch, unit]
    return f"{unit} {int(found.iloc[0])}" if len(found) else f"epoch {epoch}"


def bounds(frame: pd.DataFrame) -> tuple[float, float]:
    """The range of target and means, with room: intervals of few seeds would dwarf the functions."""
    low, high = (float(getattr(frame[["target", "mean"]].astype(float), end)().agg(end)) for end in ("min", "max"))
    room = 0.06 * (high - low or 1)
    return low - room, high + room


def thinned(epochs: list[int], most: int) -> list[int]:
    """At most ``most`` of the epochs: evenly spaced ones, the first and the last among them."""
    if len(epochs) <= most:
        return epochs
    return [epochs[round(i * (len(epochs) - 1) / (most - 1))] for i in range(most)]


PLOT = Plot(
    title="Functions while they are fitted",
    caption="Grey: the function to fit, over one period (test grid). Colour: the model's function, mean over seeds "
    "with the 95% interval at each point, cut at the panel's edge. The mean of the seeds' functions is smoother than "
    "each of them where they differ in phase. States: evenly spaced among those that were written, first and last.",
    frames=(frames.function_fit,),
    draw=lambda frame: {"": function_fit(frame)},
)
