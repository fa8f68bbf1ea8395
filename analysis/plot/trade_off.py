"""Clean accuracy against accuracy under corruption, with the Pareto front."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import robustness
from analysis.interval import NOTE, bars, is_accuracy
from analysis.plot.base import Plot, Scope
from analysis.plot.style import SOFT, colors, house_style, legend_below, nothing, panels, short, spread, styles

FEW = 20
"""Up to so many configurations each has its own mark and intervals; of more, only those on a front."""


def trade_off(frame: pd.DataFrame) -> Figure:
    """One panel for the mean over corruptions and one for each corruption; a point with both intervals a configuration.

    The dashed steps bound what the configurations on the front reach; they are missing where a configuration has
    n = 1, which ranks nothing.

    Args:
        frame: from :func:`analysis.frames.robustness.trade_off`, one context.
    """
    if frame.empty:
        return nothing("No corruption was evaluated on the test split.")
    names = sorted(frame["corruption"].unique(), key=lambda name: (name != "all", name))
    with house_style():
        figure, axes = panels(len(names), height=2.5)
        for ax, name in zip(axes, names, strict=True):
            rows = frame[frame["corruption"] == name]
            front = rows[rows["on_front"].eq(True)].sort_values("clean")
            ax.plot(100 * front["clean"], 100 * front["robust"], drawstyle="steps-pre", color=SOFT, ls="--", lw=1.1)
            scatter(ax, rows, "clean", "robust", rows["on_front"].eq(True))
            ax.set_title("mean over corruptions" if name == "all" else short(name))
            ax.set_xlabel("clean accuracy, %")
            ax.set_ylabel("corrupted accuracy, %")
        legend_of_points(figure, frame, "Pareto front of the means", steps=True)
    return figure


def scatter(ax: Axes, rows: pd.DataFrame, x: str, y: str, marked: pd.Series) -> None:
    """Points in per cent with the intervals of both means; ``marked`` rows get a ring.

    Of more than :data:`FEW` rows, those not marked are dots in their regularizer's colour without intervals.

    Args:
        rows: the description and the columns x, y, x_half_width, y_half_width (named after ``x`` and ``y``).
    """
    many = rows["configuration"].nunique() > FEW
    look, palette = styles(rows), colors(rows)
    if many:
        for name, part in rows[~marked].groupby("regularizer", sort=False):
            ax.plot(100 * part[x], 100 * part[y], ls="", marker="o", ms=3, alpha=0.45, mew=0, color=palette[str(name)])
    for _, row in rows[marked].iterrows() if many else rows.iterrows():
        style = look[row["configuration"]]
        xerr, yerr = (_bar(row, c) for c in (x, y))
        color = palette[row["regularizer"]] if many else style.color
        ax.errorbar(100 * row[x], 100 * row[y], xerr=xerr, yerr=yerr, color=color, ls="", elinewidth=1,
                    marker="o" if many else style.marker, ms=4 if many else 6.5)  # fmt: skip
    ring = rows[marked]
    ax.plot(100 * ring[x], 100 * ring[y], ls="", marker="o", ms=7 if many else 12, mfc="none", mec=SOFT)


def _bar(row: pd.Series, column: str) -> npt.NDArray[np.float64] | None:
    half_width = row[f"{column}_half_width"]
    accuracy = column in ("clean", "robust") or is_accuracy(column)
    return 100 * bars(row[column], half_width, accuracy=accuracy) if pd.notna(half_width) else None


def legend_of_points(figure: Figure, frame: pd.DataFrame, front: str, *, steps: bool) -> None:
    """What :func:`scatter` draws: configurations, or regularizers where there are many; and the ring of the ``front``.

    Args:
        steps: dashed steps join the front's points.
    """
    few = frame.drop_duplicates("configuration")
    if len(few) > FEW:
        entries = [(name, color, "o", 4.0) for name, color in colors(few).items()]
    else:
        look = styles(frame)
        entries = [(row["label"], look[row["configuration"]].color, look[row["configuration"]].marker, 6.5)
                   for _, row in few.iterrows()]  # fmt: skip
    handles = [Line2D([], [], color=color, marker=marker, ls="", ms=size) for _, color, marker, size in entries]
    labels = [str(name) for name, *_ in entries]
    if frame["on_front"].eq(True).any():
        handles.append(Line2D([], [], color=SOFT, ls="--" if steps else "", marker="o", ms=9, mfc="none"))
        labels.append(front)
    legend_below(figure, handles, labels, spread(frame))


PLOT = Plot(
    title="Accuracy against robustness",
    caption="Means over seeds with 95% intervals in both directions; corrupted accuracy is the mean over severities. "
    "Rings and dashed steps: the Pareto front of the means; intervals that overlap mean that the order may be "
    "the seeds' luck. Of more than 20 configurations only those on the front have intervals. " + NOTE,
    frames=(robustness.trade_off,),
    draw=lambda frame: {"": trade_off(frame)},
    scope=Scope.CONTEXT,
)
