"""How much of each frequency of a function is fitted, over the updates: spectral bias as curves."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import function as frames
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import Style, house_style, legend_below, legend_of, nothing, panels, spread, styles

LOWEST = -0.5
"""Curves below this are cut: a function far from the target's amplitude explains arbitrarily little."""


def explained_variance(frame: pd.DataFrame, *, log: bool = False) -> Figure:
    """Explained variance over iterations, a panel for each frequency, a line for each configuration.

    Args:
        frame: from :func:`analysis.frames.function.explained_variance`, one context.
        log: iterations on a logarithmic axis, which has no place for iteration 0.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe function_spectrum.")
    x = x_axis(frame)
    if log:
        frame = frame[frame[x] > 0]
    look = styles(frame)
    frequencies = sorted(frame["frequency"].unique())
    with house_style():
        figure, axes = panels(len(frequencies), columns=3, height=2.3)
        for ax, frequency in zip(axes, frequencies, strict=True):
            _lines(ax, frame[frame["frequency"] == frequency], x, look)
            ax.set_title(f"frequency {frequency}")
            ax.set_xlabel(x)
            if log:
                ax.set_xscale("log")
                ax.xaxis.set_major_formatter("{x:g}")  # the house style shows no mathematics
        low = min(0.0, *(ax.dataLim.y0 for ax in axes))
        for ax in axes:
            ax.set_ylim(max(LOWEST, low) - 0.03, 1.05)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("explained variance")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


def x_axis(frame: pd.DataFrame) -> str:
    """``iteration`` where every row has one, else ``epoch``."""
    return "iteration" if frame["iteration"].notna().all() else "epoch"


def _lines(ax: Axes, rows: pd.DataFrame, x: str, look: dict[str, Style]) -> None:
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values(x)
        style = look[str(configuration)]
        places = line[x].to_numpy(float)
        ax.plot(places, line["mean"], color=style.color, ls=style.line, marker=style.marker, lw=1.4, ms=3.5,
                markevery=max(1, len(line) // 6), label=line["label"].iloc[0])  # fmt: skip
        low, high = (line[c].astype(float).clip(upper=1) for c in ("low", "high"))
        ax.fill_between(places, low, high, color=style.color, alpha=0.16, lw=0)
    for level in (0, 1):
        ax.axhline(level, color=INK, lw=0.6, ls=(0, (1, 2)))


PLOT = Plot(
    title="Explained variance of each frequency",
    caption="1 - |f_k - y_k|² / |y_k|², where y_k is the part of frequency k of the function to fit and f_k that of "
    "the model's function, on one period of the grid (test split): 1 is a perfect fit, 0 that of a constant, below 0 "
    "is worse than a constant. Lines and bands: mean over seeds with the 95% interval, cut at 1. Iteration: updates of "
    "the weights, epoch × steps_per_epoch. The second figure has the same curves over the logarithm of the iteration.",
    frames=(frames.explained_variance,),
    draw=lambda frame: {"": explained_variance(frame), "log": explained_variance(frame, log=True)},
)
