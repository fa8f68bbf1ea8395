"""Power of a network's outputs along paths against frequency, at a few moments of training."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import path_spectrum as frames
from analysis.plot.base import Plot
from analysis.plot.explained_variance import x_axis
from analysis.plot.function_fit import state_text, thinned
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

STATES = 5
"""Moments shown; of more, evenly spaced ones with the first and the last."""
PATHS = {"curve": "along the curve", "within": "between equal labels", "between": "between different labels"}
_REASON = "No run asked for the probe path_spectrum."


def path_spectrum(frame: pd.DataFrame) -> dict[str, Figure]:
    """Power over frequency, a line for each state, a panel for each configuration, a figure for each kind of path.

    Args:
        frame: from :func:`analysis.frames.path_spectrum.path_spectrum`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return {"": nothing(_REASON)}
    kinds = [path for path in PATHS if (frame["path"] == path).any()]
    return {PATHS[kind]: _figure(frame[frame["path"] == kind]) for kind in kinds}


def _figure(frame: pd.DataFrame) -> Figure:
    x = x_axis(frame)
    epochs = thinned(sorted(int(epoch) for epoch in frame["epoch"].unique()), STATES)
    groups = first_configurations(frame)
    means = frame.loc[frame["epoch"].isin(epochs), "mean"].astype(float)
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=2.7)
        for ax, (_, rows) in zip(axes, groups, strict=True):
            for number, (epoch, color) in enumerate(zip(epochs, ramp(len(epochs)), strict=True)):
                _line(ax, rows, epoch, color, number, band=epoch in (epochs[0], epochs[-1]))
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter("")
            ax.set_ylim(means.min() - 0.3, means.max() + 0.3)
            ax.set_title(short(heading(rows, frame)))
            ax.set_xlabel("frequency, cycles per path")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("power of the outputs, log10")
        legend_below(figure, *legend_of(axes[0]), f"colour: {x}; {spread(frame)}")
    return figure


def _line(ax: Axes, rows: pd.DataFrame, epoch: int, color: str, number: int, *, band: bool) -> None:
    line = rows[rows["epoch"] == epoch].sort_values("frequency")
    if line.empty:
        return
    ax.plot(line["frequency"], line["mean"], color=color, lw=1.3, ls=LINES[number % len(LINES)],
            label=state_text(rows, epoch))  # fmt: skip
    if band:
        low, high = (line[end].astype(float) for end in ("low", "high"))
        ax.fill_between(line["frequency"], low, high, color=color, alpha=0.14, lw=0)


PLOT = Plot(
    title="Spectrum along paths",
    caption="Power |c_k|² / 2 of the network's outputs along paths through its input space, mean over paths, then "
    "geometric mean over seeds; bands, of the first and the last state: 95% interval of the mean of the logarithm, cut "
    "at the panel's edge. Paths: one turn of the data's curve, or straight lines between pairs of validation inputs, "
    "continued by their mirror image (after Rahaman et al. 2019, section 4).",
    frames=(frames.path_spectrum,),
    draw=path_spectrum,
)
