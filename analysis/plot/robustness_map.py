"""Accuracy under every corruption and severity as heat maps, and its difference from the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import value_text
from analysis.frames.robustness_map import robustness_map as frame_of
from analysis.palette import INK
from analysis.plot.base import Drawn, Plot
from analysis.plot.style import WIDTH, house_style, nothing, seeds, short

Look = tuple[str, float, float, str]
"""Colour map, lowest and highest value, label of the scale."""

_FONT = 6.8


def robustness_map(frame: pd.DataFrame, *, difference: bool = False) -> Figure:
    """One panel for each corruption: a row for each configuration, a column for each severity, the value in each cell.

    Differences are in percentage points, on a scale symmetric about 0; an asterisk stands where the 95% interval of
    the paired differences excludes 0.

    Args:
        frame: from :func:`analysis.frames.robustness_map.robustness_map`, one context.
        difference: draw the difference from the baseline instead of the accuracy.
    """
    column = "difference" if difference else "mean"
    labels = dict(zip(frame["configuration"].astype(str), frame["label"].astype(str), strict=True))
    frame = frame.dropna(subset=column)
    if frame.empty:
        return nothing("No configuration can be compared with a baseline." if difference else
                       "No corruption was evaluated on the test split.")  # fmt: skip
    values = 100 * frame[column]
    top = max(float(np.abs(values).max()), 1e-9)
    look = (
        ("PuOr", -top, top, "difference from the baseline,\npercentage points")
        if difference
        else ("cividis", float(values.min()), float(values.max()), "accuracy, %")
    )
    note = _pairs(frame, labels) if difference else f"mean over {seeds(frame)}"
    with house_style():
        return _figure(frame.assign(shown=values), look, note, difference=difference)


def _pairs(frame: pd.DataFrame, labels: Mapping[str, str]) -> str:
    names = " / ".join(short(labels.get(name, name)) for name in dict.fromkeys(frame["baseline"].dropna()))
    return f"minus {names}; {seeds(frame.assign(n=frame['pairs']))} in pairs; *: the 95% interval excludes 0"


def _figure(frame: pd.DataFrame, look: Look, note: str, *, difference: bool) -> Figure:
    names = sorted(frame["corruption"].unique())
    labels = list(dict.fromkeys(frame["label"]))
    steps = int(frame.groupby("corruption")["severity"].nunique().max())
    across = 2 if steps > 5 or max(map(len, labels)) > 24 else 3
    across = min(across, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(WIDTH, down * (0.19 * len(labels) + 0.85) + 0.4), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for spare in grid.ravel()[len(names) :]:
        spare.remove()
    axes = list(grid.ravel()[: len(names)])
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        _panel(ax, frame[frame["corruption"] == name], labels if i % across == 0 else None, look, difference=difference)
        ax.set_title(short(name))
    figure.suptitle(note, fontsize=8.5)
    figure.colorbar(axes[0].collections[0], ax=axes, label=look[3], shrink=0.9, aspect=30)
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, labels: list[str] | None, look: Look, *, difference: bool) -> None:
    import seaborn as sns

    grid = rows.pivot_table(index="configuration", columns="severity", values="shown", sort=False)
    grid = grid.sort_index(axis="columns")
    texts = np.array(list(_texts(rows, grid, difference=difference)), dtype=object).reshape(grid.shape)
    sns.heatmap(grid, ax=ax, cmap=look[0], vmin=look[1], vmax=look[2], annot=texts, fmt="", cbar=False,
                annot_kws={"fontsize": _FONT}, linewidths=0.6, linecolor="white", rasterized=False)  # fmt: skip
    parameters = rows.drop_duplicates("severity").set_index("severity")["parameter"]
    ax.set_xticks(np.arange(grid.shape[1]) + 0.5, [value_text(parameters[s]) for s in grid.columns], rotation=0)
    ax.set_xlabel(short(rows["parameter_unit"].iloc[0], 36), fontsize=8)
    ax.set_ylabel("")
    shown = [short(label, 26) for label in labels] if labels else [""] * len(grid)
    ax.set_yticks(np.arange(len(shown)) + 0.5, shown, rotation=0)
    ax.tick_params(length=0, labelsize=8, colors=INK)


def _texts(rows: pd.DataFrame, grid: pd.DataFrame, *, difference: bool) -> Iterator[str]:
    cells = rows.set_index(["configuration", "severity"])
    for configuration in grid.index:
        for severity in grid.columns:
            if (configuration, severity) not in cells.index:
                yield ""
                continue
            cell = cells.loc[(configuration, severity)]
            if not difference:
                yield f"{cell['shown']:.0f}"
                continue
            outside = cell["difference_low"] > 0 or cell["difference_high"] < 0
            yield f"{cell['shown']:+.1f}".replace("-", "−") + ("*" if outside else "")


def _draw(frame: pd.DataFrame) -> Drawn:
    maps: dict[str, Figure] = {"accuracy": robustness_map(frame)}
    if frame["difference"].notna().any():
        maps["difference"] = robustness_map(frame, difference=True)
    return maps


PLOT = Plot(
    title="Robustness map",
    caption="Accuracy on the test split, mean over seeds, and its difference from the baseline in percentage points "
    "(mean of the differences paired by seed). The colour scale of the differences is symmetric about 0. *: "
    "the 95% interval of the mean difference excludes 0, cell by cell, without correction for the number of "
    "cells.",
    frames=(frame_of,),
    draw=_draw,
)
