"""What is left to fit of noisy labels in the slow and the fast half of a kernel's eigenvectors, over training."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import label_noise as frames
from analysis.palette import INK
from analysis.plot.base import Plot, Scope
from analysis.plot.explained_variance import x_axis
from analysis.plot.style import (
    first_configurations,
    heading,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    short,
    spread,
)

HALVES = {"low": ("slow half: large eigenvalues", "#0072B2", "-"), "high": ("fast half", "#D55E00", (0, (5, 1.5)))}
"""What each half is called, and how it is drawn: colours of Okabe & Ito (2008)."""


def kernel_residual(frame: pd.DataFrame, times: pd.DataFrame) -> Figure:
    """Residual over iterations, two lines, a panel for each configuration, logarithmic.

    Args:
        frame: from :func:`analysis.frames.label_noise.kernel_residual`.
        times: from :func:`analysis.frames.label_noise.dip_time`; may have no row.
    """
    frame = frame[frame["mean"].astype(float) > 0]
    if frame.empty:
        return nothing("No run asked for the probe kernel_residual.")
    x = x_axis(frame)
    groups = first_configurations(frame)
    dips = times[times["unit"] == x].set_index("configuration")["mean"].to_dict()
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=2.5)
        for ax, (configuration, rows) in zip(axes, groups, strict=True):
            _lines(ax, rows, x)
            if configuration in dips:
                ax.axvline(float(dips[configuration]), color=INK, lw=0.9, ls=(0, (1, 2)),
                           label="smallest validation error (mean)")  # fmt: skip
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
            ax.set_ylim(*_range(frame))
            ax.set_title(short(heading(rows, frame)))
            ax.set_xlabel(x)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("residual (rms coefficient)")
        legend_below(figure, *legend_of(max(axes, key=lambda ax: len(ax.lines))), spread(frame))
    return figure


def _lines(ax: Axes, rows: pd.DataFrame, x: str) -> None:
    for half, (text, color, line) in HALVES.items():
        own = rows[rows["half"] == half].sort_values(x)
        places, mean = own[x].to_numpy(float), own["mean"].to_numpy(float)
        ax.plot(places, mean, color=color, ls=line, lw=1.4, label=text)
        low, high = (own[end].astype(float) for end in ("low", "high"))
        ax.fill_between(places, low.clip(lower=mean.min() / 10), high, color=color, alpha=0.16, lw=0)


def _range(frame: pd.DataFrame) -> tuple[float, float]:
    """That of the means, with room: intervals of few seeds would dwarf them."""
    means = frame["mean"].astype(float)
    return float(means.min()) / 1.3, float(means.max()) * 1.3


PLOT = Plot(
    title="Residual in the slow and the fast half of the kernel's eigenvectors",
    caption="Root mean square of the coefficients <v_i, y - f> of what is left to fit on the first training points, y "
    "with its noise, over the first and the last half of the eigenvectors of a Gaussian kernel (after Rahaman et al. "
    "2019, experiment with kernel noise). Lines and bands: mean over seeds with the 95% interval, cut at the panel's "
    "edge. White noise of standard deviation s has the size s in both.",
    frames=(frames.kernel_residual, frames.dip_time),
    draw=lambda frame, times: {"": kernel_residual(frame, times)},
    scope=Scope.RECORDS,
)
