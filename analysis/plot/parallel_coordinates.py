"""Every run as a line through its hyperparameters and its metrics, with a lane for runs that did not complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.formatting import number_text, value_text
from analysis.frames import runs
from analysis.metric import describe
from analysis.palette import INK
from analysis.plot.base import Plot, Scope
from analysis.plot.style import GRID, WIDTH, colors, house_style, legend_below, nothing, short

LANE = -0.16
"""Height of the first lane below the axes, which are 0 to 1 high; further lanes lie below it."""
STEP = 0.09
ZERO = 0.0
"""Where 0 stands on a logarithmic axis; the smallest positive value stands at :data:`FOOT`."""
FOOT = 0.12
DECADES = 50
"""Largest / smallest positive value from which an axis is logarithmic."""
FAILED = "#B00020"
RASTERIZED = 1000
"""From so many runs on their lines are pixels: an SVG of them would be many megabytes."""


@dataclass(frozen=True)
class Coordinate:
    """One axis: the height of each value (missing values have none), and its ticks as height and text."""

    title: str
    heights: pd.Series
    ticks: Sequence[tuple[float, str]]


def parallel_coordinates(frame: pd.DataFrame, most: int = 9) -> Figure:
    """Lines of runs over axes, hyperparameters on the left and metrics on the right.

    A hyperparameter that a run does not have lies in the lane ``none``; the metrics of a run that did not complete lie
    in a lane of its status, and its line is red, dashed and on top.

    Args:
        frame: from :func:`analysis.frames.runs.run_values`.
        most: axes that there is room for; the last hyperparameters are left out, and the figure says how many.
    """
    every = list(dict.fromkeys(frame["axis"]))
    kinds = frame.drop_duplicates("axis").set_index("axis")["kind"]
    metrics = [
        name for name in every if kinds[name] == "metric" and frame.loc[frame["axis"] == name, "value"].notna().any()
    ]
    keys = [name for name in every if kinds[name] == "hyperparameter"]
    shown = [*keys[: max(most - len(metrics), 1)], *metrics]
    if len(shown) < 2 or not keys:
        return nothing("No hyperparameter differs among the runs.")
    statuses = [str(s) for s in dict.fromkeys(frame["status"]) if s != "complete"]
    lanes = {status: LANE - STEP * (i + 1) for i, status in enumerate(statuses)}
    coordinates = [_coordinate(frame[frame["axis"] == name], name, str(kinds[name])) for name in shown]
    with house_style():
        figure = Figure(figsize=(WIDTH, 3.9 + 0.25 * len(lanes)), layout="constrained")
        ax = figure.subplots()
        runs_drawn = _heights(frame, shown, coordinates, lanes)
        _lines(ax, runs_drawn, colors(frame))
        _axes(ax, coordinates, lanes, any(kinds[name] == "hyperparameter" and c.heights.isna().any()
                                          for name, c in zip(shown, coordinates, strict=True)))  # fmt: skip
        _legend(figure, frame, len(keys) - len(shown) + len(metrics))
    return figure


def _heights(
    frame: pd.DataFrame, shown: list[str], coordinates: list[Coordinate], lanes: dict[str, float]
) -> pd.DataFrame:
    """One row a run: regularizer, status, and a height for every axis of ``shown``, by its number."""
    first = frame.drop_duplicates("run_id").set_index("run_id")
    table = first[["regularizer", "status"]].copy()
    for number, (name, coordinate) in enumerate(zip(shown, coordinates, strict=True)):
        heights = coordinate.heights.reindex(table.index)
        metric = frame.loc[frame["axis"] == name, "kind"].iloc[0] == "metric"
        lane = first["status"].map(lanes) if metric else pd.Series(LANE, table.index)
        table[number] = heights.fillna(lane).fillna(LANE)
    return table


def _lines(ax: Axes, table: pd.DataFrame, palette: dict[str, str]) -> None:
    x = np.arange(table.shape[1] - 2)
    # In the order of their ids, which is none: no regularizer lies on top of the others.
    whole = table[table["status"] == "complete"].sort_index()
    alpha = float(np.clip(25 / max(len(whole), 1), 0.05, 0.85))
    shades = [palette[str(name)] for name in whole["regularizer"]]
    _collection(ax, x, whole, color=shades, alpha=alpha, linewidths=1.0, rasterized=len(whole) > RASTERIZED)
    broken = table[table["status"] != "complete"]
    if len(broken):
        _collection(
            ax,
            x,
            broken,
            color=FAILED,
            alpha=float(np.clip(40 / len(broken), 0.3, 0.9)),
            linewidths=1.2,
            linestyles=(0, (4, 2)),
            zorder=3,
        )


def _collection(ax: Axes, x: np.ndarray, rows: pd.DataFrame, **look: object) -> None:
    heights = rows.drop(columns=["regularizer", "status"]).to_numpy(dtype=float)
    segments = [np.column_stack([x, line]) for line in heights]
    ax.add_collection(LineCollection(segments, **look))  # type: ignore[arg-type]


def _axes(ax: Axes, coordinates: list[Coordinate], lanes: dict[str, float], absent: bool) -> None:
    for x, coordinate in enumerate(coordinates):
        ax.plot([x, x], [0, 1], color=INK, lw=0.9, zorder=2.5)
        for height, text in coordinate.ticks:
            box = {"boxstyle": "square,pad=0.08", "facecolor": "white", "alpha": 0.75, "linewidth": 0}
            ax.plot([x - 0.025, x], [height, height], color=INK, lw=0.9, zorder=2.5)
            ax.text(x + 0.035, height, text, fontsize=7, va="center", zorder=4, bbox=box)
    below = {**({"none": LANE} if absent else {}), **lanes}
    for text, height in below.items():
        ax.axhline(height, color=GRID, lw=5, zorder=0)
        ax.text(-0.08, height, text, fontsize=7.5, va="center", ha="right", color=INK)
    ax.set_xticks(range(len(coordinates)), [c.title for c in coordinates], fontsize=7.8)
    ax.xaxis.set_ticks_position("top")
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.set_xlim(-0.15, len(coordinates) - 0.45)
    ax.set_ylim(min([0.0, *below.values()]) - 0.05, 1.04)


def _coordinate(rows: pd.DataFrame, name: str, kind: str) -> Coordinate:
    rows = rows.set_index("run_id")
    if kind == "metric":
        described = describe(name)
        unit = ", %" if described.unit == "fraction" else ""
        return Coordinate(_stacked(described.label + unit), *_linear(rows["value"], described.unit))
    title = _stacked(name)
    if rows["text"].notna().any():
        return Coordinate(title, *_categories(rows["text"]))
    values = rows["value"].astype(float)
    positive = values[values > 0]
    logarithmic = len(positive) and (values.dropna() >= 0).all() and positive.max() / positive.min() >= DECADES
    return Coordinate(title, *(_logarithmic(values) if logarithmic else _linear(values, "")))


def _stacked(title: str) -> str:
    """A title in lines that neighbours leave room for."""
    words = short(title, 48).replace(".", ".\n").replace("_", "_\n").replace(" ", "\n").replace("/", "/\n")
    lines = [""]
    for word in words.split("\n"):
        joint = "" if lines[-1][-1:] in ("", ".", "_", "/") else " "
        if len(lines[-1]) + len(word) > 12 and lines[-1]:
            lines.append(word)
        else:
            lines[-1] += joint + word
    return "\n".join(lines)


Axis = tuple[pd.Series, list[tuple[float, str]]]


def _categories(texts: pd.Series) -> Axis:
    distinct = sorted(texts.dropna().unique())
    heights = {text: i / max(len(distinct) - 1, 1) for i, text in enumerate(distinct)}
    every = max(1, -(-len(distinct) // 12))
    return texts.map(heights), [(heights[text], short(text, 18)) for text in distinct[::every]]


def _linear(values: pd.Series, unit: str) -> Axis:
    low, high = values.min(), values.max()
    span = high - low if high > low else 1.0
    distinct = sorted(values.dropna().unique())
    marks = distinct if len(distinct) <= 5 and not unit else list(np.linspace(low, high, 5 if high > low else 1))
    texts = [number_text(v, unit) if unit else value_text(float(f"{v:.3g}")) for v in marks]
    return (values - low) / span, [
        ((v - low) / span, text) for v, text in zip(marks, texts, strict=True) if pd.notna(v)
    ]


def _logarithmic(values: pd.Series) -> Axis:
    """log10 of the positive values from :data:`FOOT` on; 0 in its own place below them."""
    foot = FOOT if (values == 0).any() else 0.0
    logs = pd.Series(np.log10(values.where(values > 0)), index=values.index)
    low, high = float(logs.min()), float(logs.max())

    def height(log: float) -> float:
        return foot + (1 - foot) * (log - low) / (high - low)

    heights = logs.map(height).mask(values == 0, ZERO)
    distinct = sorted(values[values > 0].unique())
    if len(distinct) <= 7:
        ticks = [(height(float(np.log10(v))), value_text(float(f"{v:.3g}"))) for v in distinct]
    else:
        ticks = [(height(d), f"1e{d:.0f}") for d in np.arange(np.ceil(low), np.floor(high) + 1)]
        for end in (low, high):
            if all(abs(height(end) - place) > 0.06 for place, _ in ticks):
                ticks.append((height(end), f"{10**end:.2g}"))
    return heights, [*([(ZERO, "0")] if foot else []), *ticks]


def _legend(figure: Figure, frame: pd.DataFrame, left_out: int) -> None:
    first = frame.drop_duplicates("run_id")
    handles = [Line2D([], [], color=color) for color in colors(frame).values()]
    labels = [name.replace("_", " ") for name in colors(frame)]
    failed = int((first["status"] != "complete").sum())
    if failed:
        handles.append(Line2D([], [], color=FAILED, ls="--"))
        labels.append("not complete")
    note = f"{len(first)} runs" + (f", {failed} of them not complete" if failed else "")
    note += f"; {left_out} further hyperparameters are not shown" if left_out > 0 else ""
    legend_below(figure, handles, labels, note)


PLOT = Plot(
    title="Every run: hyperparameters and metrics",
    caption="One line a run. Hyperparameters that span decades lie on a logarithmic axis, with 0 in its own place at "
    "the foot. Lane none: a hyperparameter that the run does not have, such as that of another regularizer. "
    "Other lanes: metrics of runs that did not complete, by status.",
    frames=(runs.run_values,),
    draw=lambda frame: {"": parallel_coordinates(frame)},
    scope=Scope.RECORDS,
)
