"""Fourier heat maps: the error under a perturbation of each spatial frequency, one panel a configuration.

Configurations that were perturbed with another norm, or on another number of images, have a panel for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import fourier_heat_map as frames
from analysis.plot.base import Plot
from analysis.plot.style import WIDTH, house_style, nothing, panels, seeds, short


def plane(rows: pd.DataFrame) -> np.ndarray:
    """The whole plane of frequencies, zero in the middle: (height, width), each row at +f and at -f.

    Args:
        rows: fy, fx and mean, of one configuration; one of +f and -f is listed.
    """
    fy, fx = rows["fy"].to_numpy(dtype=int), rows["fx"].to_numpy(dtype=int)
    height, width = 2 * abs(fy).max(), 2 * abs(fx).max()  # an even side lists its Nyquist frequency
    if not ((abs(fy) == height // 2) & (fx == 0)).any() or len(rows) != (height * width + 4) // 2:
        height, width = 2 * abs(fy).max() + 1, 2 * abs(fx).max() + 1
    grid = np.full((height, width), np.nan)
    for sign in (1, -1):
        grid[(sign * fy) % height, (sign * fx) % width] = rows["mean"]
    return np.fft.fftshift(grid)


def fourier_heat_map(frame: pd.DataFrame, columns: int = 3) -> Figure:
    """Maps of the error in %, on one colour scale.

    Args:
        frame: from :func:`analysis.frames.fourier_heat_map.fourier_heat_map`, one context.
        columns: panels in a row.
    """
    if frame.empty:
        return nothing("No run asked for the diagnostic fourier_heat_map.")
    several = {column: len(set(frame[column])) > 1 for column in ("images", "norm")}
    low, high = 100 * frame["mean"].min(), 100 * frame["mean"].max()
    with house_style():
        maps = frame.groupby(["configuration", "norm", "images"], sort=False)
        figure, axes = panels(maps.ngroups, columns=columns, height=2.6)
        for ax, (_, rows) in zip(axes, maps, strict=True):
            grid = 100 * plane(rows)
            top, left = grid.shape[0] // 2, grid.shape[1] // 2
            extent = (-left - 0.5, grid.shape[1] - left - 0.5, grid.shape[0] - top - 0.5, -top - 0.5)
            image = ax.imshow(grid, cmap="viridis", vmin=low, vmax=high, extent=extent, interpolation="nearest")
            ax.grid(visible=False)
            own = _described(rows, [column for column in several if several[column]])
            ax.set_title(short(rows["label"].iloc[0], 30) + (f"\n{own}" if own else ""))
            ax.set_xlabel("fx, cycles per image")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("fy, cycles per image")
        wide = min(columns, len(axes))
        figure.set_figwidth(min(WIDTH, 2.3 * wide + 1.2))  # the maps are square: fewer need less room
        common = _described(frame, [column for column in several if not several[column]])
        figure.suptitle(f"mean over {seeds(frame)}" + (f", {common}" if common else ""), fontsize=9.5)
        figure.colorbar(image, ax=axes, label="error, %", shrink=0.9)
    return figure


def _described(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """``500 images, norm 4``: what the first row says of these columns."""
    images, norm = int(rows["images"].iloc[0]), rows["norm"].iloc[0]
    words = {"images": f"{images} image{'s' * (images != 1)}", "norm": f"norm {norm:.3g}"}
    return ", ".join(words[column] for column in columns)


PLOT = Plot(
    title="Fourier heat map",
    caption="Error on the first images of the test split (how many is named) when a wave of one spatial frequency "
    "is added to them, for every frequency (fx, fy), zero in the middle; mean over seeds. The wave has one L2 norm (of "
    "pixels in [0, 1]) at every frequency and a random sign for each image and channel (Yin et al. 2019). Bright: the "
    "network is easily disturbed there.",
    frames=(frames.fourier_heat_map,),
    draw=lambda frame: {"": fourier_heat_map(frame)},
)
