"""Accuracy under each corruption, from the clean set to the strongest severity."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import value_text
from analysis.frames import robustness
from analysis.interval import NOTE, bars
from analysis.plot.base import Plot
from analysis.plot.style import Style, house_style, legend_below, legend_of, nothing, panels, short, spread, styles


def robustness_curves(frame: pd.DataFrame) -> Figure:
    """One panel for each corruption; a line for each configuration with its interval at every point.

    The axis has one equally wide step for each severity, named by its physical parameter: parameters of different
    corruptions grow or fall with severity, and the clean set has a place beside all of them.

    Args:
        frame: from :func:`analysis.frames.robustness.robustness_curves`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No corruption was evaluated on the test split.")
    look = styles(frame)
    names = list(frame["corruption"].unique())
    with house_style():
        figure, axes = panels(len(names), height=2.4)
        for ax, name in zip(axes, sorted(names), strict=True):
            rows = frame[frame["corruption"] == name]
            _curve(ax, rows, look)
            ax.set_title(short(name))
            ax.set_xlabel(short(rows["parameter_unit"].iloc[0], 48))
            ax.set_ylabel("accuracy, %")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


def _curve(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    points = rows[["severity", "parameter"]].drop_duplicates().sort_values(["severity", "parameter"])
    place = {(s, value_text(p)): i for i, (s, p) in enumerate(points.itertuples(index=False, name=None))}
    configurations = list(rows.groupby("configuration", sort=False))
    for i, (configuration, line) in enumerate(configurations):
        x = [place[(s, value_text(p))] for s, p in zip(line["severity"], line["parameter"], strict=True)]
        line = line.assign(x=x).sort_values("x")
        # A small shift keeps the bars of several configurations apart.
        shift = 0.36 * (i / max(len(configurations) - 1, 1) - 0.5)
        style = look[str(configuration)]
        ax.errorbar(line["x"] + shift, 100 * line["mean"], yerr=100 * bars(line["mean"], line["half_width"]), lw=1.3,
                    elinewidth=0.9, color=style.color, ls=style.line, marker=style.marker,
                    label=line["label"].iloc[0])  # fmt: skip
    ax.set_xticks(range(len(place)), ["clean" if severity == 0 else text for severity, text in place])
    ax.grid(visible=False, axis="x")


PLOT = Plot(
    title="Robustness",
    caption="Accuracy on the test split, mean over seeds with the 95% interval. Leftmost point: the clean set. "
    "Severity rises to the right; the axis names the physical parameter, equally spaced by severity. " + NOTE,
    frames=(robustness.robustness_curves,),
    draw=lambda frame: {"": robustness_curves(frame)},
)
