"""Learned masks of the first, the middle and the last masked layer: one row of maps a configuration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from analysis.frames import mask_maps as frames
from analysis.plot.base import Plot
from analysis.plot.style import house_style, nothing, seeds, short, two_lines

POSITIONS = ("first", "middle", "last")
SIDE = 2.0
"""Inches that a map takes."""
_SCALE = Normalize(0, 100)


def whole_plane(rows: pd.DataFrame) -> np.ndarray:
    """The mask of every frequency, zero in the middle: (height, width), each row at +f and at -f.

    Args:
        rows: fy, fx (half plane fx >= 0), height, width and mean, of one layer of one configuration.
    """
    height, width = int(rows["height"].iloc[0]), int(rows["width"].iloc[0])
    fy, fx = rows["fy"].to_numpy(dtype=int), rows["fx"].to_numpy(dtype=int)
    grid = np.full((height, width), np.nan)
    for sign in (-1, 1):
        grid[(sign * fy) % height, (sign * fx) % width] = rows["mean"]
    return np.fft.fftshift(grid)


def mask_maps(frame: pd.DataFrame) -> Figure:
    """A row for each configuration, a column for each layer; share of masks that keep a frequency, in %.

    Args:
        frame: from :func:`analysis.frames.mask_maps.mask_maps`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run recorded its masks with the probe spectral_mask.")
    positions = [position for position in POSITIONS if (frame["position"] == position).any()]
    configurations = list(frame["configuration"].unique())
    with house_style():
        size = (SIDE * len(positions) + 1.3, SIDE * len(configurations) + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(configurations), len(positions), squeeze=False)
        for row, configuration in enumerate(configurations):
            for column, position in enumerate(positions):
                ours = frame[(frame["configuration"] == configuration) & (frame["position"] == position)]
                _map(axes[row, column], ours)
            label = frame.loc[frame["configuration"] == configuration, "label"].iloc[0]
            axes[row, 0].set_ylabel(f"{two_lines(label)}\nfy", fontsize=8.5)
        for ax in axes[-1]:
            ax.set_xlabel("fx")
        figure.colorbar(ScalarMappable(_SCALE, "viridis"), ax=axes, label="masks that keep it, %", shrink=0.8)
        epochs = ", ".join(str(epoch) for epoch in sorted(frame["epoch"].unique()))
        figure.suptitle(f"fx, fy in cycles per DFT length; epoch {epochs}; mean over {seeds(frame)}", fontsize=9)
    return figure


def _map(ax: Axes, rows: pd.DataFrame) -> None:
    ax.grid(visible=False)
    ax.locator_params(nbins=4, integer=True)
    if rows.empty:
        ax.text(0.5, 0.5, "not recorded", ha="center", va="center", transform=ax.transAxes, fontsize=8)
        return
    # A configuration whose runs stopped at other epochs has the latest of them.
    rows = rows[rows["epoch"] == rows["epoch"].max()]
    grid = 100 * whole_plane(rows)
    top, left = grid.shape[0] // 2, grid.shape[1] // 2
    extent = (-left - 0.5, grid.shape[1] - left - 0.5, grid.shape[0] - top - 0.5, -top - 0.5)
    ax.imshow(grid, cmap="viridis", norm=_SCALE, extent=extent, interpolation="nearest")
    ax.set_title(f"{rows['position'].iloc[0]} masked layer\n{short(rows['layer'].iloc[0], 24)}", fontsize=8.5)


PLOT = Plot(
    title="Learned masks",
    caption="Share of a layer's masks (one an output channel) that keep the frequency (fx, fy) of the layer's output, "
    "zero in the middle, at the last epoch at which masks were recorded; mean over seeds. Dark: most channels have the "
    "frequency removed. Shown are the first, the middle and the last masked layer; one colour scale.",
    frames=(frames.mask_maps,),
    draw=lambda frame: {"": mask_maps(frame)},
)
