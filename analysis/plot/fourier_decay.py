"""The exact Fourier transform of a ReLU network: its decay beside the predicted rate, a numerical one, and bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import is_missing
from analysis.frames import fourier_decay as frames
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import (
    first_configurations,
    heading,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    short,
    spread,
)

PREDICTED = {"axis": -2, "normal": -2, "generic": -3}
"""Powers of k that theorem 1 predicts of the interior term."""
DIRECTIONS = {"axis": "", "generic": "generic direction", "normal": "normal to an edge"}
_LOOK: dict[str, tuple[str, dict[str, Any]]] = {
    "norm_bound": ("bound, product of layer norms", {"color": "#8f9198", "ls": (0, (5, 1.5)), "lw": 1.3}),
    "lipschitz_bound": ("bound, Lipschitz constant", {"color": "#8f9198", "ls": "-", "lw": 1.0}),
    "amplitude": ("exact", {"color": "#56B4E9", "ls": "-", "lw": 2.2}),
    "numerical": ("numerical", {"color": INK, "ls": "", "marker": "o", "ms": 2.2}),
    "interior": ("exact, without the domain's edge", {"color": "#D55E00", "ls": "-", "lw": 1.1}),
}
"""Quantities in drawing order: what they are called, and how they are drawn; colours of Okabe & Ito (2008)."""


def fourier_decay(frame: pd.DataFrame, rates: pd.DataFrame) -> Figure:
    """Amplitudes over frequency on two logarithmic axes, a panel for each configuration and direction.

    Args:
        frame: from :func:`analysis.frames.fourier_decay.fourier_decay`, one context.
        rates: from :func:`analysis.frames.fourier_decay.decay_rate`.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe fourier_decay.")
    kinds = [kind for kind in DIRECTIONS if (frame["direction"] == kind).any()]
    groups = [
        (name, kind, own)
        for name, rows in first_configurations(frame)
        for kind in kinds
        if len(own := rows[rows["direction"] == kind])
    ]
    means = frame["mean"].astype(float)
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=3.1)
        for ax, (name, kind, rows) in zip(axes, groups, strict=True):
            _panel(ax, rows, PREDICTED[kind])
            ax.set_ylim(means.min() - 0.3, means.max() + 0.3)
            found = rates[(rates["configuration"] == name) & (rates["direction"] == kind)]
            title = " · ".join(text for text in (short(heading(rows, frame), 30), DIRECTIONS[kind]) if text)
            ax.set_title(f"{title}\n{rate_text(found)}, predicted {PREDICTED[kind]}".replace("-", "−"), fontsize=8.5)
            ax.set_xlabel("frequency k, cycles per period" if kind == "axis" else "frequency k, cycles per side")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("amplitude, log10")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, power: int) -> None:
    for quantity, (text, look) in _LOOK.items():
        line = rows[rows["quantity"] == quantity].sort_values("frequency")
        ax.plot(line["frequency"], line["mean"], label=text, **look)
        if quantity == "interior":  # the others' intervals would cover it
            low, high = (line[end].astype(float) for end in ("low", "high"))
            ax.fill_between(line["frequency"], low, high, color=str(look["color"]), alpha=0.12, lw=0)
    k, level = guide(rows[rows["quantity"] == "interior"], power)
    ax.plot(k, level, color=INK, ls=(0, (1, 1.5)), lw=1.3, label="predicted rate")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")


def guide(rows: pd.DataFrame, power: int) -> tuple[np.ndarray, np.ndarray]:
    """k of the highest 100-fold, and log10 of C k^power there, with C the geometric mean of interior / k^power."""
    k, mean = rows["frequency"].to_numpy(float), rows["mean"].to_numpy(float)
    high = k >= k.max() / 100
    places = np.sort(k[high])
    level = (mean[high] - power * np.log10(k[high])).mean() + power * np.log10(places)
    return places, level


def rate_text(rates: pd.DataFrame) -> str:
    """``fitted power -2.01 ± 0.03``; one seed has no interval."""
    if rates.empty:
        return "fitted power unknown"
    mean, half = rates["mean"].iloc[0], rates["half_width"].iloc[0]
    return f"fitted power {float(mean):.2f}" + ("" if is_missing(half) else f" ± {float(half):.2f}")


PLOT = Plot(
    title="Fourier transform of the network: decay and bounds",
    caption="Amplitude 2 |F| / T^d of the network cut to the period (or to the smallest square around the points), "
    "from its linear pieces in closed form; numerical: a sum over a fine grid, where that resolves it. Without the "
    "domain's edge: the sum over linear regions of lemma 1 of Rahaman et al. 2019, whose decay theorem 1 predicts: "
    "k^-2 in one variable and normal to an edge between regions, k^-3 in generic directions of the plane. Bounds: of "
    "that sum, by the steepest region and by the product of the layers' spectral norms. Geometric means over seeds, "
    "of that sum with the 95% interval of the mean logarithm; each run's last measured epoch; rates over the highest "
    "100-fold of k.",
    frames=(frames.fourier_decay, frames.decay_rate),
    draw=lambda frame, rates: {"": fourier_decay(frame, rates)},
)
