"""Gain of convolutions against spatial frequency, before and after training, and its change in every layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import operator_spectrum as frames
from analysis.plot.base import Drawn, Plot
from analysis.plot.style import (
    SOFT,
    Style,
    depth_ticks,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    seeds,
    short,
    spread,
    styles,
)

QUANTITIES = {"gain_max": "largest gain", "gain_mean": "mean gain"}
POSITIONS = ("first", "middle", "last")
EMPTY = "No run asked for the probe operator_spectrum."


def operator_spectrum(frame: pd.DataFrame, quantity: str) -> Figure:
    """One panel for each layer: gain against frequency, trained (full) and initial (dashed), on a logarithmic axis.

    Args:
        frame: from :func:`analysis.frames.operator_spectrum.gain_profiles`, one context.
        quantity: of :data:`QUANTITIES`.
    """
    frame = frame[frame["quantity"] == quantity].dropna(subset="mean")
    if frame.empty:
        return nothing(EMPTY)
    look = styles(frame)
    positions = [position for position in POSITIONS if (frame["position"] == position).any()]
    with house_style():
        figure, axes = panels(len(positions), columns=3, height=2.6)
        for ax, position in zip(axes, positions, strict=True):
            rows = frame[frame["position"] == position]
            _profiles(ax, rows, look)
            ax.set_title(layer_and_size(rows, position), fontsize=8.5)
            ax.set_xlabel("cycles per sample")
        axes[0].set_ylabel(f"{QUANTITIES[quantity]}, log2")
        handles, labels = legend_of(axes[0])
        handles.append(Line2D([], [], color=SOFT, ls="--", lw=1.2))
        labels.append("before training")
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _profiles(ax: Axes, rows: pd.DataFrame, look: dict[str, Style]) -> None:
    # Two seeds can have an interval over many octaves: it leaves the panel rather than flattening every line.
    low, high = rows["mean"].min(), rows["mean"].max()
    span = max(high - low, 0.5)
    floor = max(low - span, np.nanmin(rows[["low", "mean"]]))
    top = min(high + span, np.nanmax(rows[["high", "mean"]]))
    ax.set_ylim(floor - 0.06 * span, top + 0.06 * span)
    for configuration, both in rows.groupby("configuration", sort=False):
        style = look[str(configuration)]
        start = both[both["state"] == "initial"].sort_values("frequency")
        ax.plot(start["frequency"], start["mean"], color=SOFT, ls="--", lw=1.2, zorder=1.5)
        line = both[both["state"] == "trained"].sort_values("frequency")
        if line.empty:
            continue
        ax.plot(line["frequency"], line["mean"], color=style.color, marker=style.marker, ls=style.line, lw=1.3,
                markevery=max(1, len(line) // 8), label=line["label"].iloc[0])  # fmt: skip
        ax.fill_between(line["frequency"], line["low"], line["high"], color=style.color, alpha=0.16, lw=0)


def layer_and_size(rows: pd.DataFrame, position: str) -> str:
    """``last layer (conv2), on 8 x 8``, on two lines; what runs disagree about is left out."""
    names, sizes = rows["layer"].unique(), rows["size"].unique()
    path = f" ({short(names[0], 20)})" if len(names) == 1 else ""
    on = f"\non {sizes[0]} × {sizes[0]} samples" if len(sizes) == 1 else ""
    return f"{position} layer{path}{on}"


def gain_by_layer(frame: pd.DataFrame, columns: int = 3) -> Figure:
    """One panel for each configuration: change of the largest gain, a row a layer, each painted at its own frequencies.

    Args:
        frame: from :func:`analysis.frames.operator_spectrum.gain_by_layer`, one context.
        columns: panels in a row.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing(EMPTY)
    depths = sorted(frame["depth"].unique())
    end = frame["frequency"].max()
    scale = Normalize(-max(frame["mean"].abs().max(), 1e-9), max(frame["mean"].abs().max(), 1e-9))
    with house_style():
        height = 1.0 + 0.11 * max(len(depths), 10)
        figure, axes = panels(frame["configuration"].nunique(), columns=columns, height=height)
        for ax, (_, rows) in zip(axes, frame.groupby("configuration", sort=False), strict=True):
            for depth, layer in rows.groupby("depth"):
                _strip(ax, depths.index(depth), layer.sort_values("frequency"), end, scale)
            ax.set(xlim=(0, end), ylim=(len(depths) - 0.5, -0.5))
            ax.set_yticks(*depth_ticks(depths))
            ax.grid(visible=False)
            ax.set_title(short(rows["label"].iloc[0], 30), fontsize=8)
            ax.set_xlabel("cycles per sample")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("layer (depth)")
        figure.suptitle(f"mean over {seeds(frame)}", fontsize=9.5)
        figure.colorbar(ScalarMappable(scale, "PuOr"), ax=axes, label="gain after / before training, log2", shrink=0.9)
    return figure


def _strip(ax: Axes, place: int, layer: pd.DataFrame, end: float, scale: Normalize) -> None:
    """A layer's row: each frequency is painted up to halfway to its neighbours, the last one to ``end``."""
    f = layer["frequency"].to_numpy(dtype=float)
    edges = np.concatenate([[0], (f[1:] + f[:-1]) / 2, [end]])
    ax.pcolormesh(edges, [place - 0.5, place + 0.5], layer[["mean"]].to_numpy(dtype=float).T, cmap="PuOr", norm=scale,
                  rasterized=True)  # fmt: skip


def _draw(profiles: pd.DataFrame, by_layer: pd.DataFrame) -> Drawn:
    if profiles.empty:
        return {"": nothing(EMPTY)}
    lines = {words: operator_spectrum(profiles, name) for name, words in QUANTITIES.items()}
    return lines if by_layer.empty else {**lines, "every layer": gain_by_layer(by_layer)}


PLOT = Plot(
    title="Gain over spatial frequency",
    caption="Singular values of a convolution, taken as a circular operator on images (Sedghi et al. 2019), against "
    "spatial frequency in cycles per sample of the layer's input: the largest at a frequency, and the mean of all "
    "there. Geometric mean over seeds; bands: 95% interval of the mean of the logarithm. Dashed: before the first "
    "update. Neighbouring radii lie in different directions, which makes lines jagged. Shown are the first, the "
    "middle and the last measured layer. Maps: log2 of the largest gain after the "
    "last measured epoch over that before training, of every layer; orange-brown: weaker, violet: stronger.",
    frames=(frames.gain_profiles, frames.gain_by_layer),
    draw=_draw,
)
