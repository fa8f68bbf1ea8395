"""The error on clean validation labels while noisy ones are fitted, by the frequency of the noise."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import is_missing
from analysis.frames import label_noise as frames
from analysis.palette import INK
from analysis.plot.base import Plot, Scope
from analysis.plot.explained_variance import x_axis
from analysis.plot.style import LINES, house_style, legend_below, legend_of, nothing, panels, ramp, short, spread


def validation_dip(frame: pd.DataFrame, ratios: pd.DataFrame) -> Figure:
    """Validation error over iterations, a line for each noise, a panel for each regularizer.

    Args:
        frame: from :func:`analysis.frames.label_noise.validation_error`.
        ratios: from :func:`analysis.frames.label_noise.dip_ratio`.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the probe validation_dip.")
    x = x_axis(frame)
    keys = list(dict.fromkeys(zip(frame["noise"].astype(str), frame["noise_frequency"].astype(float), strict=True)))
    keys.sort(key=lambda key: (key[0], key[1]))
    colors = dict(zip(map(str, keys), ramp(len(keys)), strict=True))
    found = ratios.set_index("configuration")["mean"].to_dict()
    labels = list(dict.fromkeys(frame["label"]))
    with house_style():
        figure, axes = panels(len(labels), columns=2, height=2.9)
        for ax, label in zip(axes, labels, strict=True):
            ends: list[tuple[float, float, float]] = []
            for configuration, rows in frame[frame["label"] == label].groupby("configuration", sort=False):
                key = str((str(rows["noise"].iloc[0]), float(rows["noise_frequency"].iloc[0])))
                _line(ax, rows.sort_values(x), x, colors[key], list(colors).index(key))
                _mark(ax, rows.sort_values(x), x, colors[key])
                last, ratio = rows.sort_values(x).iloc[-1], found.get(configuration)
                if ratio is not None and not is_missing(ratio):
                    ends.append((float(last[x]), float(last["mean"]), float(ratio)))
            ax.set_title(short(label))
            ax.set_xlabel(x)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("validation error, clean labels\n(mean squared)")
            ax.set_ylim(bottom=0)
            _number(ax, ends)
        legend_below(figure, *legend_of(max(axes, key=lambda ax: len(ax.lines))), spread(frame))
    return figure


def noise_text(noise: object, frequency: object) -> str:
    """``radial noise, k = 0.2``, ``white noise``, or ``labels as they are``."""
    if is_missing(noise) or noise in ("none", "None"):
        return "labels as they are"
    return f"{noise} noise" + ("" if is_missing(frequency) else f", k = {float(str(frequency)):g}")


def _line(ax: Axes, rows: pd.DataFrame, x: str, color: str, number: int) -> None:
    places = rows[x].to_numpy(float)
    text = noise_text(rows["noise"].iloc[0], rows["noise_frequency"].iloc[0])
    ax.plot(places, rows["mean"], color=color, lw=1.4, ls=LINES[number % len(LINES)], label=text)
    ax.fill_between(places, rows["low"].astype(float), rows["high"].astype(float), color=color, alpha=0.16, lw=0)


def _mark(ax: Axes, rows: pd.DataFrame, x: str, color: str) -> None:
    """A dot at the mean curve's minimum."""
    lowest = rows.iloc[int(rows["mean"].to_numpy(float).argmin())]
    ax.plot([float(lowest[x])], [float(lowest["mean"])], color=color, marker="o", ms=5, ls="", zorder=3)


def _number(ax: Axes, ends: list[tuple[float, float, float]]) -> None:
    """The ratio of each curve (its end's place and error, the ratio) at its end; no number covers another."""
    room, free = 0.08 * ax.get_ylim()[1], -1.0
    for place, level, ratio in sorted(ends, key=lambda end: end[1]):
        free = max(level, free)
        ax.annotate(f"{ratio:.2f}", (place, free), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8,
                    color=INK, annotation_clip=False)  # fmt: skip
        free += room


PLOT = Plot(
    title="Validation error while noisy labels are fitted",
    caption="Mean squared error on validation images with clean labels; the training labels carry noise (after Rahaman "
    "et al. 2019, figure 4). Lines and bands: mean over seeds with the 95% interval. Dots: the mean's lowest point. "
    "Numbers at the right: each run's smallest error divided by its final one, mean over seeds: 1 is no dip.",
    frames=(frames.validation_error, frames.dip_ratio),
    draw=lambda frame, ratios: {"": validation_dip(frame, ratios)},
    scope=Scope.RECORDS,
)
