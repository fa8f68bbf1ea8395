"""Metrics against a regularizer's strength, on a logarithmic axis with a place for 0."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.metric import describe
from analysis.plot.style import INK, PALETTE, SPARE, house_style, nothing, panels


def strength_response(frame: pd.DataFrame, swept: str) -> Figure:
    """One panel for each metric; means and intervals against log10(strength), strength 0 left of a break in the axis.

    Args:
        frame: from :func:`analysis.aggregate.strength_response`, one context.
        swept: the regularizer whose strengths are drawn.
    """
    frame = frame[frame["swept"] == swept]
    if frame.empty:
        return nothing(f"{swept} was not run at two strengths.")
    metrics = list(frame["metric"].unique())
    color = PALETTE.get(swept.split(" ")[0], SPARE[0])
    with house_style():
        figure, axes = panels(len(metrics), height=2.2)
        for ax, name in zip(axes, metrics, strict=True):
            described = describe(name)
            scale = 100 if described.unit == "fraction" else 1
            _response(ax, frame[frame["metric"] == name].sort_values("strength"), scale, color)
            ax.set_ylabel(described.label + (", %" if scale == 100 else ""))
            ax.set_xlabel(f"{swept.replace('_', ' ')} strength")
    return figure


def _response(ax: Axes, rows: pd.DataFrame, scale: float, color: str) -> None:
    strength = rows["strength"].to_numpy(dtype=float)
    x, zero = positions(strength)
    mean, error = scale * rows["mean"].to_numpy(dtype=float), scale * rows["half_width"].fillna(0).to_numpy(dtype=float)
    positive = strength > 0
    ax.errorbar(x[positive], mean[positive], yerr=error[positive], color=color, marker="o", capsize=2.5)
    ax.errorbar(x[~positive], mean[~positive], yerr=error[~positive], color=INK, marker="s", capsize=2.5, ls="")
    if (~positive).any() and positive.any():
        first = np.flatnonzero(positive)[0]
        ax.plot([x[~positive][0], x[first]], [mean[~positive][0], mean[first]], color=color, ls=":", lw=1)
        ax.plot([zero + 0.5], [0], marker=(2, 0, -25), ms=9, color=INK, clip_on=False, ls="",
                transform=ax.get_xaxis_transform())  # fmt: skip
    low, high = (x[positive].min(), x[positive].max()) if positive.any() else (0.0, -1.0)
    ticks = [float(d) for d in range(math.floor(low), math.ceil(high) + 1) if low - 0.3 <= d <= high + 0.3]
    labels = [f"1e{d:.0f}" for d in ticks]
    if (~positive).any():
        ticks, labels = [zero, *ticks], ["0", *labels]
    ax.set_xticks(ticks, labels)
    ax.set_xlim(x.min() - 0.35, x.max() + 0.35)


def positions(strength: np.ndarray) -> tuple[np.ndarray, float]:
    """Places on the axis: log10 of positive strengths; 0 stands one decade left of the smallest, rounded down.

    Returns:
        The places, and that of strength 0.
    """
    positive = strength > 0
    logs = np.log10(np.where(positive, strength, 1.0))
    zero = math.floor(logs[positive].min() + 1e-9) - 1.0 if positive.any() else 0.0
    return np.where(positive, logs, zero), zero
