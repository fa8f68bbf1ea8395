"""Functions while they are fitted, as a film: what is learned first is seen first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import function as frames
from analysis.plot.base import Moving, Plot
from analysis.plot.function_fit import bounds, state_text, thinned
from analysis.plot.style import SOFT, Style, house_style, legend_below, nothing, panels, seeds, short, styles

MOST = 60
"""States shown; of more, evenly spaced ones with the first and the last."""


@dataclass(frozen=True)
class _Panel:
    """One configuration's line and its values by epoch."""

    line: Line2D
    states: dict[int, np.ndarray]


def fit_motion(frame: pd.DataFrame, columns: int = 2) -> Moving | Figure:
    """The target in grey and the model's function, one panel a configuration, one state a written epoch.

    Args:
        frame: from :func:`analysis.frames.function.function_fit`, one context.
        columns: panels in a row.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe function_spectrum.")
    look = styles(frame)
    steps = thinned(sorted(int(epoch) for epoch in frame["epoch"].unique()), MOST)
    groups = list(frame.groupby("configuration", sort=False))
    with house_style():
        figure, axes = panels(len(groups), columns=columns, height=1.7)
        shown = [_panel(ax, rows, look[str(label)]) for ax, (label, rows) in zip(axes, groups, strict=True)]
        for ax in axes:
            ax.set_ylim(*bounds(frame))
            ax.set_xlabel("x, periods")
        figure.suptitle(" ", fontsize=10, x=0.02, ha="left")
        legend_below(figure, [Line2D([], [], color=SOFT)], ["function to fit"], f"mean over {seeds(frame)}")
    titles = {epoch: state_text(frame, epoch) for epoch in steps}
    moving = Moving(figure, steps, partial(_show, figure, shown, titles))
    moving.show(steps[-1])
    return moving


def _panel(ax: Axes, rows: pd.DataFrame, style: Style) -> _Panel:
    rows = rows.sort_values(["epoch", "position"])
    states = {int(str(epoch)): part[["position", "mean"]].to_numpy(float) for epoch, part in rows.groupby("epoch")}
    target = rows.drop_duplicates("position")
    ax.plot(target["position"], target["target"], color=SOFT, lw=1)
    (line,) = ax.plot([], [], color=style.color, lw=1.5)
    ax.set_xlim(0, 1)
    ax.set_title(short(rows["label"].iloc[0]), fontsize=8.5)
    return _Panel(line, states)


def _show(figure: Figure, shown: list[_Panel], titles: dict[int, str], epoch: int) -> None:
    for panel in shown:
        panel.line.set_data(panel.states.get(epoch, np.empty((0, 2))).T)
    figure.suptitle(titles[epoch], fontsize=10, x=0.02, ha="left")


PLOT = Plot(
    title="Functions while they are fitted, state by state",
    caption="Grey: the function to fit, over one period (test grid). Colour: the mean of the seeds' functions. States "
    "are the epochs at which functions were written: dense early, when most changes. A still picture shows the last.",
    frames=(frames.function_fit,),
    draw=lambda frame: {"": fit_motion(frame)},
    moves=True,
)
