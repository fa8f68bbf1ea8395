"""Share of the energy in the high band of every layer over training, as heat maps, one panel a configuration."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import spectrum
from analysis.plot.base import Plot
from analysis.plot.style import (
    depth_ticks,
    epoch_mesh,
    house_style,
    nothing,
    panels,
    seeds,
    short,
    whole_epochs,
)


def high_band_share(frame: pd.DataFrame, columns: int = 3) -> Figure:
    """Heat maps of epoch x layer: the share of the ring energy in the high band, for every layer with k > 1.

    Args:
        frame: from :func:`analysis.frames.spectrum.high_band_share`, one context.
        columns: panels in a row.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No spectra of a convolution with k > 1 were recorded.")
    low, high = float(frame["mean"].min()), float(frame["mean"].max())
    height = 1.0 + 0.075 * max(frame["depth"].nunique(), 8)
    with house_style():
        figure, axes = panels(frame["configuration"].nunique(), columns=columns, height=height)
        for ax, (_, rows) in zip(axes, frame.groupby("configuration", sort=False), strict=True):
            grid = rows.pivot_table(index="depth", columns="epoch", values="mean")
            mesh = epoch_mesh(ax, grid, "viridis", low, high)
            ax.set_yticks(*depth_ticks(list(grid.index)))
            ax.invert_yaxis()
            ax.set_title(short(rows["label"].iloc[0], 30))
            whole_epochs(ax)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("layer (depth)")
        figure.suptitle(f"mean over {seeds(frame)}", fontsize=9.5)
        figure.colorbar(mesh, ax=axes, label="share of energy\nin the high band", shrink=0.9)
    return figure


PLOT = Plot(
    title="High-frequency share of every layer",
    caption="Share of the ring energy in the high band, every convolution with k > 1, mean over seeds. The high band "
    "is the radii from half their number on; a white 3 × 3 kernel has 8/9 there.",
    frames=(spectrum.high_band_share,),
    draw=lambda frame: {"": high_band_share(frame)},
)
