"""Fourier sensitivity of the first, the middle and the last layer: one row of maps a configuration."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from analysis.frames import activation_maps as frames
from analysis.plot.base import Plot
from analysis.plot.fourier_heat_map import plane
from analysis.plot.style import house_style, nothing, seeds, short, two_lines

POSITIONS = ("first", "middle", "last")
SIDE = 1.75
"""Inches that a map takes."""


def activation_maps(frame: pd.DataFrame) -> Figure:
    """A row for each configuration, a column for each layer; colours compare within a column.

    Args:
        frame: from :func:`analysis.frames.activation_maps.activation_maps`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the diagnostic fourier_heat_map with layers.")
    positions = [position for position in POSITIONS if (frame["position"] == position).any()]
    configurations = list(frame["configuration"].unique())
    with house_style():
        size = (SIDE * len(positions) + 1.0, SIDE * len(configurations) + 1.2)
        figure = Figure(figsize=size, layout="constrained")
        heights = [*[SIDE] * len(configurations), 0.1]
        axes = figure.subplots(len(heights), len(positions), squeeze=False, height_ratios=heights)
        for column, position in enumerate(positions):
            layer = frame[frame["position"] == position]
            scale = Normalize(layer["mean"].min(), layer["mean"].max())
            for row, configuration in enumerate(configurations):
                ax, rows = axes[row, column], layer[layer["configuration"] == configuration]
                ax.grid(visible=False)
                ax.tick_params(labelleft=column == 0, labelbottom=row == len(configurations) - 1)
                ax.locator_params(nbins=4, integer=True)
                if column == 0:
                    label = frame.loc[frame["configuration"] == configuration, "label"].iloc[0]
                    ax.set_ylabel(f"{two_lines(label)}\nfy", fontsize=8.5)
                _map(ax, rows, scale)
            axes[0, column].set_title(_title(layer, position), fontsize=8.5)
            axes[-2, column].set_xlabel("fx")
            bar = ScalarMappable(scale, "viridis")
            figure.colorbar(bar, cax=axes[-1, column], orientation="horizontal", label="relative change")
        images = ", ".join(str(n) for n in sorted(frame["images"].unique()))
        figure.suptitle(f"fx, fy in cycles per image; {images} images; mean over {seeds(frame)}", fontsize=9)
    return figure


def _map(ax: Axes, rows: pd.DataFrame, scale: Normalize) -> None:
    if rows.empty:
        ax.text(0.5, 0.5, "not recorded", ha="center", va="center", transform=ax.transAxes, fontsize=8)
        return
    grid = plane(rows)
    top, left = grid.shape[0] // 2, grid.shape[1] // 2
    extent = (-left - 0.5, grid.shape[1] - left - 0.5, grid.shape[0] - top - 0.5, -top - 0.5)
    ax.imshow(grid, cmap="viridis", norm=scale, extent=extent, interpolation="nearest")


def _title(layer: pd.DataFrame, position: str) -> str:
    """``middle layer`` and its path below; the path is left out where runs disagree about it."""
    names = layer["layer"].unique()
    return f"{position} layer\n{short(names[0], 24)}" if len(names) == 1 else f"{position} layer"


PLOT = Plot(
    title="Fourier sensitivity of layers",
    caption="Change of a convolution's output when a wave of one spatial frequency is added to the image, relative to "
    "its clean output (mean ||a(x') - a(x)|| / mean ||a(x)||), for every frequency (fx, fy), zero in the middle; mean "
    "over seeds. Shown are the first, the middle and the last recorded convolution, each with its own colour scale, "
    "which is the same for all configurations. Bright: waves of that frequency reach the layer.",
    frames=(frames.activation_maps,),
    draw=lambda frame: {"": activation_maps(frame)},
)
