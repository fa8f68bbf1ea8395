"""Metrics against a regularizer's strength, on a logarithmic axis with a place for 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import strength
from analysis.interval import NOTE, bars, is_accuracy
from analysis.metric import describe
from analysis.palette import INK
from analysis.plot.base import Drawn, Plot, Scope
from analysis.plot.style import colors, house_style, legend_below, legend_of, nothing, panels, short, spread

MARKS = ("o", "^", "D", "v", "P", "X")


def strength_response(frame: pd.DataFrame, swept: Sequence[str]) -> Figure:
    """One panel for each metric; means and intervals against log10(strength), strength 0 left of a break in the axis.

    Args:
        frame: from :func:`analysis.frames.strength.strength_response`, one context.
        swept: the regularizers whose strengths are drawn. The strengths of two have no common unit: that one line lies
            right of another says nothing.
    """
    frame = frame[frame["swept"].isin(list(swept))].dropna(subset=["mean", "strength"])
    if frame.empty:
        return nothing("No regularizer was run at two strengths." if not swept else
                       f"{short(swept[0])} was not run at two strengths.")  # fmt: skip
    metrics = list(frame["metric"].unique())
    palette = _colors(frame)
    with house_style():
        figure, axes = panels(len(metrics), height=2.2)
        for ax, name in zip(axes, metrics, strict=True):
            described = describe(name)
            scale = 100 if described.unit == "fraction" else 1
            _response(ax, frame[frame["metric"] == name], scale, palette)
            ax.set_ylabel(short(described.label) + (", %" if scale == 100 else ""))
            ax.set_xlabel(f"{short(swept[0]).replace('_', ' ')} strength" if len(swept) == 1 else "strength")
        handles, labels = legend_of(axes[0]) if len(swept) > 1 else ([], [])
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _colors(frame: pd.DataFrame) -> dict[str, str]:
    """Colour of every swept regularizer: that of the regularizer; ``none`` stands for no sweep of its own."""
    own = frame[frame["regularizer"] != "none"] if (frame["regularizer"] != "none").any() else frame
    palette = colors(own)
    return {str(swept): palette[str(rows["regularizer"].iloc[0])] for swept, rows in own.groupby("swept", sort=False)}


def _response(ax: Axes, rows: pd.DataFrame, scale: float, palette: dict[str, str]) -> None:
    places, zero = positions(rows["strength"].to_numpy(dtype=float))
    rows = rows.assign(place=places, shown=scale * rows["mean"])
    accuracy = is_accuracy(str(rows["metric"].iloc[0]))
    below, above = scale * bars(rows["mean"], rows["half_width"], accuracy=accuracy)
    rows = rows.assign(below=below, above=above)
    for i, (swept, group) in enumerate(rows.groupby("swept", sort=False)):
        group = group.sort_values("strength")
        color = palette[str(swept)]
        positive, none = group[group["strength"] > 0], group[group["strength"] == 0]
        bar, zero_bar = (part[["below", "above"]].to_numpy().T for part in (positive, none))
        ax.errorbar(positive["place"], positive["shown"], yerr=bar, color=color, capsize=2.5,
                    marker=MARKS[i % len(MARKS)], label=str(swept).replace("_", " "))  # fmt: skip
        ax.errorbar(none["place"], none["shown"], yerr=zero_bar, color=INK, marker="s", capsize=2.5, ls="")
        if len(none) and len(positive):
            ends = pd.concat([none.iloc[-1:], positive.iloc[:1]])
            ax.plot(ends["place"], ends["shown"], color=color, ls=":", lw=1)
    _axis(ax, rows, zero)


def _axis(ax: Axes, rows: pd.DataFrame, zero: float) -> None:
    positive = rows.loc[rows["strength"] > 0, "place"]
    ticks, labels = decades(positive)
    if (rows["strength"] == 0).any():
        ticks, labels = [zero, *ticks], ["0", *labels]
        if len(positive):
            ax.plot([zero + 0.5], [0], marker=(2, 0, -25), ms=9, color=INK, clip_on=False, ls="",
                    transform=ax.get_xaxis_transform())  # fmt: skip
    ax.set_xticks(ticks, labels)
    ax.set_xlim(rows["place"].min() - 0.35, rows["place"].max() + 0.35)


def decades(logs: pd.Series) -> tuple[list[float], list[str]]:
    """Ticks for log10 values: whole decades, or the values themselves where they span less than one decade."""
    if not len(logs):
        return [], []
    low, high = float(logs.min()), float(logs.max())
    ticks = [float(d) for d in range(math.floor(low), math.ceil(high) + 1) if low - 0.3 <= d <= high + 0.3]
    if len(ticks) >= 2:
        step = max(1, -(-len(ticks) // 6))
        return ticks[::step], [f"1e{d:.0f}" for d in ticks[::step]]
    own = sorted({float(v) for v in logs})
    return own, [f"{10**v:.3g}" for v in own]


def positions(strength: np.ndarray) -> tuple[np.ndarray, float]:
    """Places on the axis: log10 of positive strengths; 0 stands one decade left of the smallest, rounded down.

    Returns:
        The places, and that of strength 0.
    """
    positive = strength > 0
    logs = np.log10(np.where(positive, strength, 1.0))
    zero = math.floor(logs[positive].min() + 1e-9) - 1.0 if positive.any() else 0.0
    return np.where(positive, logs, zero), zero


def _draw(frame: pd.DataFrame) -> Drawn:
    swept = [str(name) for name in frame["swept"].unique()]
    every = {"every regularizer": strength_response(frame, swept)} if len(swept) > 1 else {}
    return {**{name: strength_response(frame, [name]) for name in swept}, **every} or {"": strength_response(frame, [])}


PLOT = Plot(
    title="Metrics against strength",
    caption="Mean over seeds with the 95% interval. Logarithmic axis; left of the break: strength 0, or no regularizer"
    " where 0 was not run. The strengths of two regularizers have no common unit. " + NOTE,
    frames=(strength.strength_response,),
    draw=_draw,
    scope=Scope.CONTEXT,
)
