"""How the power of a layer's kernels moves between radii over training, as heat maps, one column a regularizer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis.plot.style import WIDTH, house_style, layer_title, nothing, whole_epochs

QUANTITIES = {
    "white_relative": "power / mean power, log2\n(0: as in white noise)",
    "dc_relative": "power / power at radius 0, log2",
    "energy_share": "share of the ring energy",
}


def spectrum_evolution(frame: pd.DataFrame, quantity: str = "white_relative", columns: int = 3) -> list[Figure]:
    """Heat maps of epoch x radius, one figure for each layer, one panel for each configuration.

    Args:
        frame: from :func:`analysis.aggregate.spectrum_evolution`, one context.
        quantity: a key of :data:`QUANTITIES`; ratios are drawn as log2 on a scale symmetric about 0.
        columns: panels in a row.
    """
    if frame.empty:
        return [nothing("No spectra of a convolution with k > 1 were recorded.")]
    return [_layer(frame, position, quantity, columns) for position in frame["position"].unique()]


def high_band_share(frame: pd.DataFrame, columns: int = 3) -> Figure:
    """Heat maps of epoch x layer: the share of the ring energy in the high band, for every layer with k > 1.

    Args:
        frame: from :func:`analysis.aggregate.high_band_share`, one context.
    """
    if frame.empty:
        return nothing("No spectra of a convolution with k > 1 were recorded.")
    low, high = float(frame["mean"].min()), float(frame["mean"].max())
    with house_style():
        figure, axes = _grid(frame["configuration"].nunique(), columns, 2.5)
        for ax, (_, rows) in zip(axes, frame.groupby("configuration", sort=False), strict=False):
            grid = rows.pivot_table(index="depth", columns="epoch", values="mean")
            mesh = _mesh(ax, grid, "viridis", low, high)
            ax.set_yticks(*_depth_ticks(grid))
            ax.invert_yaxis()
            _finish(ax, rows["label"].iloc[0], "layer (depth)")
        figure.colorbar(mesh, ax=axes, label="share of energy in the high band", shrink=0.8)
    return figure


def _layer(frame: pd.DataFrame, position: str, quantity: str, columns: int) -> Figure:
    rows = frame[frame["position"] == position]
    values = rows[quantity] if quantity == "energy_share" else np.log2(rows[quantity].where(rows[quantity] > 0))
    rows = rows.assign(shown=values)
    top = float(np.nanmax(np.abs(rows["shown"]), initial=1e-9))
    cmap, low = ("viridis", 0.0) if quantity == "energy_share" else ("PuOr", -top)
    radii = rows["radius"].nunique()
    with house_style():
        figure, axes = _grid(rows["configuration"].nunique(), columns, 0.85 + 0.22 * max(radii, 3))
        for ax, (_, part) in zip(axes, rows.groupby("configuration", sort=False), strict=False):
            grid = part.pivot_table(index="radius", columns="epoch", values="shown", dropna=False)
            mesh = _mesh(ax, grid, cmap, low, top)
            ax.set_yticks(range(len(grid)), [radius_text(r) for r in grid.index])
            _finish(ax, part["label"].iloc[0], "radius")
        figure.suptitle(f"{layer_title(frame, position)}; radius in cycles per kernel", fontsize=9.5)
        figure.colorbar(mesh, ax=axes, label=QUANTITIES[quantity], shrink=0.9)
    return figure


def _grid(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, rows * height + 0.5), layout="constrained")
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def _mesh(ax: Axes, grid: pd.DataFrame, cmap: str, low: float, high: float) -> QuadMesh:
    # Rows are equally tall whatever their radius: unique radii are not equally spaced.
    epochs = grid.columns.to_numpy(dtype=float)
    values = grid.to_numpy(dtype=float)
    mesh = ax.pcolormesh(epochs, np.arange(len(grid)), values, cmap=cmap, vmin=low, vmax=high, rasterized=True)
    ax.grid(visible=False)
    return mesh


def _depth_ticks(grid: pd.DataFrame) -> tuple[list[int], list[str]]:
    step = max(1, math.ceil(len(grid) / 7))
    places = list(range(0, len(grid), step))
    return places, [str(grid.index[i]) for i in places]


def _finish(ax: Axes, title: str, ylabel: str) -> None:
    ax.set_title(title)
    ax.set_ylabel(ylabel)
    whole_epochs(ax)


def radius_text(radius: float) -> str:
    """A radius as it is written by hand: 2, or √5 where its square is not a square."""
    square = round(radius * radius)
    return f"{round(radius)}" if math.isqrt(square) ** 2 == square else f"√{square}"
