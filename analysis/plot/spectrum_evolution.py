"""How the power of a layer's kernels moves between radii over training, as heat maps, one panel a configuration."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import spectrum
from analysis.plot.base import Drawn, Plot
from analysis.plot.style import (
    epoch_mesh,
    house_style,
    layer_title,
    nothing,
    panels,
    radius_text,
    seeds,
    short,
    whole_epochs,
)

RATIOS = {
    "white_relative": "power / mean power, log2\n(0: as in white noise)",
    "dc_relative": "power / power at radius 0, log2",
    "energy_share": "share of the ring energy",
}


def shown_values(frame: pd.DataFrame, ratio: str) -> tuple[pd.Series, str, float, float]:
    """What is drawn of the means of a ratio: the values (log2 but for a share), colour map, lowest and highest value.

    The scale of a logarithm is symmetric about 0; a power of 0 has no logarithm and is left out.
    """
    if ratio == "energy_share":
        return frame["mean"], "viridis", 0.0, float(np.nanmax(frame["mean"], initial=1e-9))
    values = np.log2(frame["mean"].where(frame["mean"] > 0))
    top = float(np.nanmax(np.abs(values), initial=1e-9))
    return values, "PuOr", -top, top


def spectrum_evolution(frame: pd.DataFrame, position: str, ratio: str = "white_relative", columns: int = 3) -> Figure:
    """Heat maps of epoch x radius of one layer, one panel for each configuration.

    Args:
        frame: from :func:`analysis.frames.spectrum.spectrum_evolution`, one context.
        position: which of the frame's layers.
        ratio: that of the frame, a key of :data:`RATIOS`.
        columns: panels in a row.
    """
    rows = frame[frame["position"] == position].dropna(subset="mean")
    if rows.empty:
        return nothing("No spectra of a convolution with k > 1 were recorded.")
    values, colors, low, high = shown_values(rows, ratio)
    rows = rows.assign(shown=values)
    radii = rows["radius"].nunique()
    with house_style():
        height = 0.85 + 0.22 * max(radii, 3)
        figure, axes = panels(rows["configuration"].nunique(), columns=columns, height=height)
        for ax, (_, part) in zip(axes, rows.groupby("configuration", sort=False), strict=True):
            grid = part.pivot_table(index="radius", columns="epoch", values="shown", dropna=False)
            mesh = epoch_mesh(ax, grid, colors, low, high)
            ax.set_yticks(range(len(grid)), [radius_text(r) for r in grid.index])
            ax.set_title(short(part["label"].iloc[0], 30))
            whole_epochs(ax)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("radius")
        title = f"{layer_title(frame, position)}; radius in cycles per kernel; mean over {seeds(rows)}"
        figure.suptitle(title, fontsize=9.5)
        figure.colorbar(mesh, ax=axes, label=RATIOS[ratio], shrink=0.9)
    return figure


def _draw(frame: pd.DataFrame) -> Drawn:
    positions = list(frame["position"].unique())
    return {position: spectrum_evolution(frame, position) for position in positions} or {
        "": nothing("No spectra of a convolution with k > 1 were recorded.")
    }


PLOT = Plot(
    title="Spectrum over training",
    caption="Colour: log2 of the power at a radius relative to the kernel's mean power, mean over seeds. 0 is a white "
    "spectrum, as random initialisation has; orange-brown less, violet more power than that.",
    frames=(spectrum.spectrum_evolution,),
    draw=_draw,
)
