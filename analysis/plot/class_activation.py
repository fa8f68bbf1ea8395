"""Class activation maps: where in a test image the evidence for its class lies, one row a configuration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from analysis.frames import class_activation as frames
from analysis.plot.base import Plot
from analysis.plot.style import house_style, nothing, seeds, two_lines

SIDE = 1.6
"""Inches that an image takes."""


def class_activation(frame: pd.DataFrame, pixels: pd.DataFrame) -> Figure:
    """The images in the first row, below them each configuration's maps of their labels' classes.

    Args:
        frame: from :func:`analysis.frames.class_activation.class_activation`, one context.
        pixels: from :func:`analysis.frames.class_activation.shown_images`, the same context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the diagnostic class_activation_map.")
    images = sorted(frame["image"].unique())
    configurations = list(frame["configuration"].unique())
    with house_style():
        size = (SIDE * len(images) + 1.0, SIDE * (len(configurations) + 1) + 0.5)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(configurations) + 1, len(images), squeeze=False)
        for column, image in enumerate(images):
            shown = picture(pixels[(pixels["image"] == image) & (pixels["configuration"] == configurations[0])])
            _show(axes[0, column], shown, cmap="gray", vmin=0, vmax=1)
            for row, configuration in enumerate(configurations, start=1):
                ours = frame[(frame["configuration"] == configuration) & (frame["image"] == image)]
                grid = place_map(ours) if len(ours) else np.full((1, 1), np.nan)
                _show(axes[row, column], grid, cmap="RdBu_r", norm=CenteredNorm(), extent=_extent(shown))
            label_class = frame.loc[frame["image"] == image, "class_index"].iloc[0]
            axes[0, column].set_title(f"class {label_class}", fontsize=8.5)
        for row, configuration in enumerate(configurations, start=1):
            label = frame.loc[frame["configuration"] == configuration, "label"].iloc[0]
            axes[row, 0].set_ylabel(two_lines(label), fontsize=8.5)
        sizes = sorted({f"{h} x {w}" for h, w in zip(frame["height"], frame["width"], strict=True)})
        figure.suptitle(f"maps of {', '.join(sizes)} places; mean over {seeds(frame)}", fontsize=9)
    return figure


def picture(rows: pd.DataFrame) -> np.ndarray:
    """(height, width) of a grey image, (height, width, 3) of a coloured one; the first channel where they are others.

    Args:
        rows: channel, y, x and mean (the pixel in [0, 1]) of one image.
    """
    shape = tuple(int(rows[name].max()) + 1 for name in ("channel", "y", "x"))
    grid = np.zeros(shape)
    grid[tuple(rows[name].to_numpy(dtype=int) for name in ("channel", "y", "x"))] = rows["mean"]
    return np.moveaxis(grid, 0, 2) if shape[0] == 3 else grid[0]


def place_map(rows: pd.DataFrame) -> np.ndarray:
    """(height, width) of the mean value at each place, of one image and configuration."""
    grid = np.full((int(rows["height"].max()), int(rows["width"].max())), np.nan)
    grid[rows["y"].to_numpy(dtype=int), rows["x"].to_numpy(dtype=int)] = rows["mean"]
    return grid


def _extent(image: np.ndarray) -> tuple[float, float, float, float]:
    return (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)


def _show(ax: Axes, grid: np.ndarray, **style: object) -> None:
    ax.imshow(grid, interpolation="nearest", **style)  # type: ignore[arg-type]
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.set_yticks([])


PLOT = Plot(
    title="Where the evidence for a class lies",
    caption="Class activation maps of the first test images (above) for the class of their label: the last feature "
    "map, each channel weighted by its effect on the class's logit; mean over seeds. Red speaks for the class, blue "
    "against it, white neither; each map has its own scale, symmetric about 0: patterns compare, sizes do not.",
    frames=(frames.class_activation, frames.shown_images),
    draw=lambda frame, pixels: {"": class_activation(frame, pixels)},
)
