"""Headline metrics of every seed, beside the mean and the interval that are made of them."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.frames import replication
from analysis.interval import NOTE, bars, is_accuracy
from analysis.metric import describe
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import Style, house_style, legend_below, nothing, panels, seeds, short, styles


def single_seeds(frame: pd.DataFrame) -> Figure:
    """One panel for each metric: a row for each configuration, a dot for each seed, the mean and its interval below.

    Args:
        frame: from :func:`analysis.frames.replication.single_seeds`, one context.
    """
    frame = frame.dropna(subset="value")
    if frame.empty:
        return nothing("No run is complete.")
    look = styles(frame)
    metrics = list(frame["metric"].unique())
    with house_style():
        figure, axes = panels(len(metrics), height=0.27 * max(len(look), 3) + 0.65)
        for ax, name in zip(axes, metrics, strict=True):
            described = describe(name)
            scale = 100 if described.unit == "fraction" else 1
            _strip(ax, frame[frame["metric"] == name], scale, look)
            ax.set_xlabel(short(described.label) + (", %" if scale == 100 else ""))
        handles = [Line2D([], [], color=INK, marker="o", ls="", mfc="none"),
                   Line2D([], [], color=INK, marker="|", ms=9, mew=1.8)]  # fmt: skip
        legend_below(figure, handles, ["one seed", "mean and 95% interval"], seeds(frame))
    return figure


def _strip(ax: Axes, rows: pd.DataFrame, scale: float, look: dict[str, Style]) -> None:
    import seaborn as sns

    order = [label for label in look if label in set(rows["configuration"])]
    colors = {label: look[label].color for label in order}
    shown = rows.assign(shown=scale * rows["value"])
    sns.stripplot(shown, x="shown", y="configuration", order=order, hue="configuration", palette=colors, jitter=False,
                  legend=False, ax=ax, size=4.5, alpha=0.75, linewidth=0)  # fmt: skip
    means = rows.drop_duplicates("configuration").set_index("configuration")
    for y, label in enumerate(order):
        row = means.loc[label]
        bar = bars(row["mean"], row["half_width"], accuracy=is_accuracy(str(row["metric"])))
        error = scale * bar if pd.notna(row["half_width"]) else None
        ax.errorbar(scale * row["mean"], y + 0.28, xerr=error, color=look[label].color, marker="|", ms=7, mew=1.8,
                    elinewidth=1.2)  # fmt: skip
    ax.set_yticks(range(len(order)), [short(means.loc[label, "label"], 26) for label in order])
    ax.set_ylim(len(order) - 0.45, -0.5)
    ax.set_ylabel("")
    ax.xaxis.set_major_locator(MaxNLocator(5))


PLOT = Plot(
    title="Single seeds",
    caption="Dots: one run each. Below them the mean over seeds and its 95% interval, as the table has them. " + NOTE,
    frames=(replication.single_seeds,),
    draw=lambda frame: {"": single_seeds(frame)},
)
