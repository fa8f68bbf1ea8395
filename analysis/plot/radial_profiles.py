"""Power of the first and the last layer against radius, before and after training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import spectrum
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import (
    SOFT,
    Style,
    house_style,
    layer_title,
    legend_below,
    legend_of,
    nothing,
    panels,
    radius_text,
    spread,
    styles,
)


def radial_profiles(frame: pd.DataFrame) -> Figure:
    """One panel for each layer: log2 of the power relative to a white spectrum, trained (full) and initial (dashed).

    Args:
        frame: from :func:`analysis.frames.spectrum.radial_profiles`, one context; means and interval ends that are
            not positive have no logarithm and are left out.
    """
    frame = frame[frame["mean"] > 0]
    if frame.empty:
        return nothing("No spectra of a convolution with k > 1 were recorded.")
    look = styles(frame)
    shown = frame.assign(**{c: np.log2(frame[c].where(frame[c] > 0)) for c in ("mean", "low", "high")})
    positions = list(frame["position"].unique())
    with house_style():
        figure, axes = panels(len(positions), height=2.9)
        for ax, position in zip(axes, positions, strict=True):
            rows = shown[shown["position"] == position]
            _profiles(ax, rows, look)
            radii = sorted(rows["radius"].unique())
            ax.set_xticks(radii, [radius_text(r) for r in radii])
            ax.set_title(layer_title(frame, position))
            ax.set_xlabel("radius, cycles per kernel")
            ax.set_ylabel("power / mean power, log2")
        handles, labels = legend_of(axes[0])
        handles.append(Line2D([], [], color=SOFT, ls="--", lw=1.2))
        labels.append("before training")
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _profiles(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    ax.axhline(0, color=INK, lw=0.8)
    # Two seeds can have an interval over decades: it leaves the panel rather than flattening every line.
    low, high = rows["mean"].min(), rows["mean"].max()
    span = max(high - low, 0.2)
    floor = max(low - span, rows[["low", "mean"]].min().min())
    top = min(high + span, rows[["high", "mean"]].max().max())
    ax.set_ylim(floor - 0.06 * span, top + 0.06 * span)
    for configuration, line in rows.groupby("configuration", sort=False):
        style = look[str(configuration)]
        start = line[line["state"] == "initial"].sort_values("radius")
        ax.plot(start["radius"], start["mean"], color=SOFT, ls="--", lw=1.2, zorder=1.5)
        line = line[line["state"] == "trained"].sort_values("radius")
        ax.plot(line["radius"], line["mean"], color=style.color, marker=style.marker, ls="-",
                label=line["label"].iloc[0] if len(line) else "")  # fmt: skip
        # An interval that reaches down to no power at all has no lower end on this scale: its band leaves the panel.
        low = line["low"].where(line["low"].notna() | line["high"].isna(), floor - span)
        ax.fill_between(line["radius"], low, line["high"], color=style.color, alpha=0.16, lw=0)


PLOT = Plot(
    title="Radial profiles before and after training",
    caption="log2 of the power at a radius relative to the kernel's mean power, mean over seeds; bands: 95% interval. "
    "0 is a white spectrum, as random initialisation has. Dashed: the state before the first update.",
    frames=(spectrum.radial_profiles,),
    draw=lambda frame: {"": radial_profiles(frame)},
)
