"""Power against frequency of a network's output along the straight line between two images."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from analysis.frames import path_frequency as frames
from analysis.plot.base import Plot
from analysis.plot.style import SOFT, Style, house_style, legend_below, legend_of, nothing, panels, spread, styles

KINDS = {"within": "within a class", "between": "between two classes"}


def path_frequency(frame: pd.DataFrame) -> Figure:
    """A panel for paths within a class and one for paths between two, on equal logarithmic axes.

    Args:
        frame: from :func:`analysis.frames.path_frequency.path_frequency`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the diagnostic path_frequency.")
    look = styles(frame)
    kinds = [kind for kind in KINDS if (frame["kind"] == kind).any()]
    low, high = frame["mean"].min() - 1, frame["mean"].max() + 1
    # Two seeds can have an interval over many decades: it leaves the panel rather than flattening every line.
    floor, top = max(low, np.nanmin(frame[["low", "mean"]])), min(high, np.nanmax(frame[["high", "mean"]]))
    with house_style():
        figure, axes = panels(len(kinds), height=3.0)
        for ax, kind in zip(axes, kinds, strict=True):
            rows = frame[frame["kind"] == kind]
            _lines(ax, rows, look)
            ax.set_ylim(floor - 0.15, top + 0.15)
            ax.set_title(f"{KINDS[kind]}, {', '.join(str(n) for n in sorted(rows['paths'].unique()))} paths")
            ax.set_xlabel("frequency, cycles per path")
            ax.set_ylabel("power of ||p(t) − p(0)||, log10")
        handles, labels = legend_of(axes[0])
        handles.append(Line2D([], [], color=SOFT, ls=":", lw=1.4))
        labels.append("an even change from end to end")
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _lines(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values("frequency")
        style = look[str(configuration)]
        # Marks stand at powers of 2, as evenly as the axis: at every frequency they would hide the line at its right.
        marks = [i for i, f in enumerate(line["frequency"]) if math.log2(f) % 1 == 0]
        ax.plot(line["frequency"], line["mean"], color=style.color, marker=style.marker, ls=style.line, lw=1.3,
                markevery=marks, label=line["label"].iloc[0])  # fmt: skip
        ax.fill_between(line["frequency"], line["low"], line["high"], color=style.color, alpha=0.16, lw=0)
    k = np.sort(rows["frequency"].unique())
    top = rows.loc[rows["frequency"] == k[0], "mean"].max()
    ax.plot(k, top + ramp(k, int(rows["points"].max())), color=SOFT, ls=":", lw=1.4, zorder=1.5)
    ticks = [2**i for i in range(int(math.log2(k[-1])) + 1)]
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def ramp(frequency: np.ndarray, points: int) -> np.ndarray:
    """log10 power of g(t) = t sampled at ``points`` times, 1 / (2 n sin(pi k / n))^2, relative to the first one."""
    fall = -2 * np.log10(np.sin(np.pi * frequency / points))
    return np.asarray(fall - fall[0])


PLOT = Plot(
    title="Function frequency along paths",
    caption="Power of the change of the softmax output, ||p(t) - p(0)||, along the straight line between two test "
    "images against its frequency, without frequency 0 (Fridovich-Keil et al. 2021): mean over paths, then geometric "
    "mean over seeds; bands: 95% interval of the mean of the logarithm. Dotted, for comparison: an output that changes "
    "in proportion to t, from the highest point at the left. More power at high frequencies: the output varies faster.",
    frames=(frames.path_frequency,),
    draw=lambda frame: {"": path_frequency(frame)},
)
