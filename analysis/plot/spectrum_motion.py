"""The power of every layer over radius while training goes on: heat maps that change from epoch to epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import spectrum
from analysis.palette import INK
from analysis.plot.base import Moving, Plot
from analysis.plot.spectrum_evolution import RATIOS, shown_values
from analysis.plot.style import (
    GRID,
    WIDTH,
    depth_ticks,
    house_style,
    nothing,
    radius_text,
    seeds,
    short,
)

MOST = 60
"""Epochs shown; of more, evenly spaced ones with the first and the last."""


@dataclass(frozen=True)
class _Panel:
    """One configuration's heat map and its values by epoch, each of shape (layers, radii)."""

    mesh: QuadMesh
    grids: dict[int, np.ndarray]


def spectrum_motion(frame: pd.DataFrame, ratio: str = "white_relative", columns: int = 4) -> Moving | Figure:
    """Heat maps of layer x radius, one panel a configuration, one state an epoch, on one colour scale throughout.

    Args:
        frame: from :func:`analysis.frames.spectrum.spectrum_evolution` with ``layers=()``, one context.
        ratio: that of the frame.
        columns: panels in a row.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No spectra of a convolution with k > 1 were recorded.")
    values, colors, low, high = shown_values(frame, ratio)
    frame = frame.assign(shown=values)
    steps = _steps(sorted(int(epoch) for epoch in frame["epoch"].unique()))
    with house_style():
        figure, strip, axes = _grid(frame, columns)
        groups = list(frame.groupby("configuration", sort=False))
        shown = [_panel(ax, part, frame, (colors, low, high)) for ax, (_, part) in zip(axes, groups, strict=True)]
        for ax in axes:
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("layer (depth)")
        figure.colorbar(shown[0].mesh, ax=axes, label=RATIOS[ratio], shrink=0.9, aspect=30)
        mark = _strip(strip, steps, seeds(frame))
    moving = Moving(figure, steps, partial(_show, shown, mark, strip, steps[-1]))
    moving.show(steps[-1])
    return moving


def _steps(epochs: list[int]) -> list[int]:
    if len(epochs) <= MOST:
        return epochs
    return [epochs[round(i * (len(epochs) - 1) / (MOST - 1))] for i in range(MOST)]


def _grid(frame: pd.DataFrame, columns: int) -> tuple[Figure, Axes, list[Axes]]:
    """A narrow strip for the epoch above the panels."""
    count = frame["configuration"].nunique()
    columns = min(columns, count)
    rows = -(-count // columns)
    height = 0.75 + 0.125 * max(frame["depth"].nunique(), 13)
    figure = Figure(figsize=(WIDTH, rows * height + 0.6), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(0.5, rows * height)).ravel()
    strip = above.subplots()
    axes = list(np.ravel(below.subplots(rows, columns, squeeze=False)))
    for spare in axes[count:]:
        spare.remove()
    return figure, strip, axes[:count]


def _panel(ax: Axes, part: pd.DataFrame, frame: pd.DataFrame, look: tuple[str, float, float]) -> _Panel:
    depths, radii = sorted(frame["depth"].unique()), sorted(frame["radius"].unique())
    grids = {
        int(str(epoch)): rows.pivot_table(index="depth", columns="radius", values="shown", dropna=False)
        .reindex(index=depths, columns=radii)
        .to_numpy(dtype=float)
        for epoch, rows in part.groupby("epoch")
    }
    first = next(iter(grids.values()))
    # A GIF has 256 colours, ink among them; an odd number of shades keeps one for 0.
    colors = mpl.colormaps[look[0]].resampled(129)
    mesh = ax.pcolormesh(np.arange(len(radii)), np.arange(len(depths)), first, cmap=colors, vmin=look[1],
                         vmax=look[2], rasterized=True)  # fmt: skip
    ax.grid(visible=False)
    ax.invert_yaxis()
    ax.set_yticks(*depth_ticks(depths, 8))
    ax.set_xticks(range(len(radii)), [radius_text(r) for r in radii])
    ax.set_xlabel("radius, cycles per kernel", fontsize=8)
    ax.set_title(short(part["label"].iloc[0], 24), fontsize=8.5)
    return _Panel(mesh, grids)


def _strip(ax: Axes, steps: list[int], counted: str) -> Line2D:
    ax.plot([steps[0], steps[-1]], [0, 0], color=GRID, lw=4, solid_capstyle="butt")
    (mark,) = ax.plot([], [], color=INK, lw=4, solid_capstyle="butt")
    ax.plot(steps, [0] * len(steps), ls="", marker="|", color=INK, ms=5, mew=0.6)
    ax.set_xlim(steps[0] - 0.01 * max(steps[-1], 1), max(steps[-1], steps[0] + 1) * 1.01)
    ax.set_ylim(-1, 1)
    ax.set_yticks([])
    ax.set_xticks([])
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.set_title(f"mean over {counted}", fontsize=8, loc="right")
    return mark


def _show(shown: list[_Panel], mark: Line2D, strip: Axes, last: int, epoch: int) -> None:
    for panel in shown:
        values = panel.grids.get(epoch)
        size = next(iter(panel.grids.values())).shape
        panel.mesh.set_array(np.full(size, np.nan) if values is None else values)
    mark.set_data([strip.get_xlim()[0], epoch], [0, 0])
    strip.set_title(f"epoch {epoch} of {last}", fontsize=10, loc="left")


PLOT = Plot(
    title="Spectrum of every layer, epoch by epoch",
    caption="Colour: log2 of the power at a radius relative to the kernel's mean power, mean over seeds, on one scale "
    "for all layers, epochs and configurations. 0 is a white spectrum, as random initialisation has; orange-"
    "brown less, violet more power than that. A still picture shows the last epoch; of more than 60 epochs, 60"
    " are shown.",
    frames=(partial(spectrum.spectrum_evolution, layers=()),),
    draw=lambda frame: {"": spectrum_motion(frame)},
    moves=True,
)
