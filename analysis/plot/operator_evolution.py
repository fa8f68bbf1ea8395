"""How the gain of a layer changes over training at every spatial frequency, one panel a configuration."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import operator_spectrum as frames
from analysis.plot.base import Drawn, Plot
from analysis.plot.operator_spectrum import EMPTY, layer_and_size
from analysis.plot.style import epoch_mesh, house_style, nothing, panels, seeds, short, whole_epochs

MOST_TICKS = 8


def operator_evolution(frame: pd.DataFrame, position: str, columns: int = 3) -> Figure:
    """Heat maps of epoch x frequency of one layer's largest gain, on one colour scale; frequencies at equal steps.

    Args:
        frame: from :func:`analysis.frames.operator_spectrum.gain_evolution`, one context.
        position: first or last.
        columns: panels in a row.
    """
    rows = frame[frame["position"] == position].dropna(subset="mean")
    if rows.empty:
        return nothing(EMPTY)
    low, high = rows["mean"].min(), rows["mean"].max()
    with house_style():
        height = 1.1 + 0.07 * min(max(rows["frequency"].nunique(), 12), 40)
        figure, axes = panels(rows["configuration"].nunique(), columns=columns, height=height)
        for ax, (_, part) in zip(axes, rows.groupby("configuration", sort=False), strict=True):
            grid = part.pivot_table(index="frequency", columns="epoch", values="mean", dropna=False)
            mesh = epoch_mesh(ax, grid, "viridis", low, high)
            places = range(0, len(grid), -(-len(grid) // MOST_TICKS))
            ax.set_yticks(places, [f"{grid.index[place]:.2f}" for place in places])
            ax.set_title(short(part["label"].iloc[0], 30), fontsize=8)
            whole_epochs(ax)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("cycles per sample")
        title = layer_and_size(rows, position).replace("\n", ", ")
        figure.suptitle(f"{title}; geometric mean over {seeds(rows)}", fontsize=9.5)
        figure.colorbar(mesh, ax=axes, label="largest gain, log2", shrink=0.9)
    return figure


def _draw(frame: pd.DataFrame) -> Drawn:
    positions = list(frame["position"].unique())
    return {position: operator_evolution(frame, position) for position in positions} or {"": nothing(EMPTY)}


PLOT = Plot(
    title="Gain over training",
    caption="Colour: log2 of the largest singular value of a convolution (as a circular operator on images, Sedghi et "
    "al. 2019) at each spatial frequency, mean over seeds, at every epoch that the probe operator_spectrum measured. "
    "Frequencies stand at equal steps, the lowest below. One colour scale for all configurations.",
    frames=(frames.gain_evolution,),
    draw=_draw,
)
