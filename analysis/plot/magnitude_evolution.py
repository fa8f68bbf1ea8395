"""The amplitude of each frequency over training, relative to the target's, as a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.frames import function as frames
from analysis.plot.base import Plot
from analysis.plot.explained_variance import x_axis
from analysis.plot.style import house_style, nothing, panels, seeds, short

COLORS = "viridis"
HIGHEST = 1.2
"""The end of the scale: an amplitude that is this many times the target's, or more."""


def magnitude_evolution(frame: pd.DataFrame) -> Figure:
    """Heat maps of frequency x iteration, one panel a configuration, on one scale from 0 to :data:`HIGHEST`.

    Args:
        frame: from :func:`analysis.frames.function.magnitude_evolution`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe function_spectrum.")
    x = x_axis(frame)
    frequencies = sorted(frame["frequency"].unique())
    groups = list(frame.groupby("configuration", sort=False))
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=1.0 + 0.16 * min(max(len(frequencies), 5), 20))
        for ax, (_, rows) in zip(axes, groups, strict=True):
            mesh = panel(ax, rows, x, frequencies)
            ax.set_title(f"{short(rows['label'].iloc[0])}; {seeds(rows)}", fontsize=8.5)
        figure.colorbar(mesh, ax=axes, label="amplitude / target's", extend="max", shrink=0.9, aspect=30)
    return figure


def panel(ax: Axes, rows: pd.DataFrame, x: str, frequencies: list[int]) -> QuadMesh:
    """A map of ``mean`` with one step a frequency, whatever their distance."""
    grid = rows.pivot_table(index="frequency", columns=x, values="mean").reindex(index=frequencies)
    mesh = ax.pcolormesh(grid.columns.to_numpy(float), np.arange(len(frequencies)), grid.to_numpy(float), cmap=COLORS,
                         vmin=0, vmax=HIGHEST, shading="nearest", rasterized=True)  # fmt: skip
    step = -(-len(frequencies) // 10)
    ax.set_yticks(range(0, len(frequencies), step), [str(k) for k in frequencies[::step]])
    ax.grid(visible=False)
    ax.set_xlabel(x)
    if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        ax.set_ylabel("frequency,\ncycles per period")
    return mesh


PLOT = Plot(
    title="Amplitude of each frequency over training",
    caption="Colour: amplitude |c_k| of the model's function divided by that of the function to fit, mean over seeds; "
    "1 is the target's, the scale ends at 1.2 (after Rahaman et al. 2019, figure 1). An amplitude says nothing of the "
    "phase: explained variance does. Rows are the frequencies of the function to fit, one step each.",
    frames=(frames.magnitude_evolution,),
    draw=lambda frame: {"": magnitude_evolution(frame)},
)
