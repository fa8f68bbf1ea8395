"""Clean accuracy against accuracy under corruption, with the Pareto front."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.plot.style import Style, house_style, legend_below, nothing, panels, styles

FRONT = "#8f9198"


def trade_off(frame: pd.DataFrame) -> Figure:
    """One panel for the mean over corruptions and one for each corruption; a point with both intervals a configuration.

    The dashed steps bound what the configurations on the front reach; they are missing where a configuration has
    n = 1, which ranks nothing.

    Args:
        frame: from :func:`analysis.aggregate.trade_off`, one context.
    """
    if frame.empty:
        return nothing("No corruption was evaluated on the test split.")
    look = styles(frame)
    names = sorted(frame["corruption"].unique(), key=lambda name: (name != "all", name))
    with house_style():
        figure, axes = panels(len(names), height=2.5)
        for ax, name in zip(axes, names, strict=True):
            rows = frame[frame["corruption"] == name]
            drawn = _front(ax, rows[rows["on_front"].eq(True)])
            _points(ax, rows, look)
            ax.set_title("mean over corruptions" if name == "all" else name)
            ax.set_xlabel("clean accuracy, %")
            ax.set_ylabel("corrupted accuracy, %")
        handles, labels = axes[0].get_legend_handles_labels()
        if drawn:
            handles, labels = [*handles, Line2D([], [], color=FRONT, ls="--")], [*labels, "Pareto front of the means"]
        legend_below(figure, handles, labels)
    return figure


def _points(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    for _, row in rows.iterrows():
        style = look[row["configuration"]]
        xerr, yerr = (100 * row[c] if pd.notna(row[c]) else None for c in ("clean_half_width", "robust_half_width"))
        ax.errorbar(100 * row["clean"], 100 * row["robust"], xerr=xerr, yerr=yerr, color=style.color, ls="",
                    marker=style.marker, ms=6.5, elinewidth=1, label=row["label"])  # fmt: skip


def _front(ax: Axes, front: pd.DataFrame) -> bool:
    """Steps through the front's points: right of and above them lies what no configuration reaches."""
    if front.empty:
        return False
    points = front.sort_values("clean")
    ax.plot(100 * points["clean"], 100 * points["robust"], drawstyle="steps-pre", color=FRONT, ls="--", lw=1.1)
    ax.plot(100 * points["clean"], 100 * points["robust"], ls="", marker="o", ms=12, mfc="none", mec=FRONT)
    return True
