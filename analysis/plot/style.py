"""What all plots share: colours, markers, line styles, legends, axes.

Colours are those of Okabe & Ito (2008), told apart under every common colour blindness. A regularizer keeps its colour
in every figure and its strengths differ in lightness and dash; each configuration has its own marker, for grey print.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.formatting import shortened, value_text
from analysis.frames.ssr import null_words
from analysis.metric import NORMALIZATIONS, REFERENCES
from analysis.palette import INK, regularizer_colors, shades

GRID = "#dcdde0"
SOFT = "#8f9198"
"""What steps back: fronts, intervals over bars, initial states."""
NULL: dict[str, Any] = {"facecolor": "#9a9ca3", "alpha": 0.4, "linewidth": 0.0}
"""How the null distribution's range is drawn, everywhere."""

MARKERS = {
    "circle": "o", "square": "s", "triangle-up": "^", "diamond": "D", "triangle-down": "v", "cross": "P",
    "triangle-right": ">", "triangle-left": "<",
}  # fmt: skip
"""Matplotlib's letters for the shapes of :mod:`analysis.palette`."""
LINES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
"""Line styles, by the number of a shade's dash: neighbouring strengths of a regularizer differ in it."""

LONGEST = 40
"""Characters of a label in a legend or title."""

WIDTH = 7.4
"""Width of a figure in inches: two panels side by side stay legible in print."""


@dataclass(frozen=True)
class Style:
    """Colour, marker and line style of one configuration."""

    color: str
    marker: str
    line: Any = "-"


def styles(frame: pd.DataFrame) -> dict[str, Style]:
    """Style of every configuration in ``frame`` (columns configuration, regularizer, strength), in display order."""
    found = shades(frame)
    return {
        label: Style(shade.light, MARKERS[shade.shape], LINES[shade.dash % len(LINES)])
        for label, shade in found.items()
    }


def colors(frame: pd.DataFrame) -> dict[str, str]:
    """Colour of every regularizer in ``frame``."""
    return {name: light for name, (light, _) in regularizer_colors(frame).items()}


def null_label(null: pd.DataFrame) -> str:
    """The null's entry in a legend, with what its range is: ``null (random inits, range of 20 draws)``."""
    return f"null (random inits, {null_words(null['n'])})"


def short(label: object, width: int = LONGEST) -> str:
    """A recorded text as it is shown: on one line, printable, at most ``width`` characters."""
    return shortened(value_text(label), width)


def seeds(frame: pd.DataFrame) -> str:
    """``n = 3 seeds`` or ``n = 2 to 3 seeds``: over how many values the rows of ``frame`` are means."""
    n = frame["n"].to_numpy(dtype=float, na_value=0) if "n" in frame else np.zeros(0)
    n = n[n > 0]
    if not len(n):
        return ""
    low, high = int(n.min()), int(n.max())
    return f"n = {low if low == high else f'{low} to {high}'} seed{'s' * (high > 1)}"


def spread(frame: pd.DataFrame) -> str:
    """What is drawn of each value, for a legend: ``mean and 95% interval, n = 3 seeds``; one seed has no interval."""
    several = "n" in frame and (frame["n"] > 1).any()
    return f"mean and 95% interval, {seeds(frame)}" if several else f"{seeds(frame)}, which has no interval"


def two_lines(label: object, width: int = 24) -> str:
    """A recorded text as it is shown beside a row: :func:`short`, on at most two lines of about ``width`` columns."""
    text = short(label, 2 * width)
    head, _, rest = text[: width + 1].rpartition(" ")
    return text if len(text) <= width or not head else f"{head}\n{short(rest + text[width + 1 :], width)}"


@contextmanager
def house_style() -> Iterator[None]:
    """Fonts, lines and ink of the project for the figures made inside."""
    settings: dict[str, Any] = {
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.labelsize": 9,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        # Labels hold recorded text: a dollar sign in it is no mathematics.
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "frequency-reg",
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    }
    with mpl.rc_context(cast(Any, settings)):
        yield


def panels(count: int, *, columns: int = 2, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` axes in ``columns`` columns, each row ``height`` inches tall, without surplus axes."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, rows * height + 0.5), layout="constrained")
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str], note: str = "") -> None:
    """One legend for the whole figure, under the panels, where it can hide nothing, ``note`` above it.

    The figure grows by the legend's height, so that the panels keep theirs.
    """
    texts = [short(label) for label in labels]
    columns = _columns(texts)
    lines = -(-len(texts) // columns)
    if lines > 2:
        figure.set_figheight(figure.get_figheight() + 0.17 * (lines - 2))
    figure.legend(list(handles), texts, loc="outside lower center", ncols=columns, title=note or None,
                  title_fontsize=8.5)  # fmt: skip


def _columns(texts: Sequence[str], room: int = 94) -> int:
    """The most columns that fit, when they are filled one after the other; 10 characters for a mark and a gap."""
    for columns in range(len(texts), 1, -1):
        lines = -(-len(texts) // columns)
        widths = [max(map(len, texts[i : i + lines])) + 10 for i in range(0, len(texts), lines)]
        if sum(widths) <= room:
            return columns
    return 1


def legend_of(ax: Axes) -> tuple[list[Any], list[str]]:
    """Handles and labels of an axes' legend entries."""
    handles, labels = ax.get_legend_handles_labels()
    return list(handles), list(labels)


def in_reading_order(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Distinct values of ``keys``: normalizations from dc on, the first layer before the last, init before epoch_1."""
    order = [*NORMALIZATIONS, "first", "last", *REFERENCES]
    found = frame[list(keys)].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda facet: [(order.index(v), "") if v in order else (len(order), v) for v in facet])


def layer_title(frame: pd.DataFrame, position: str) -> str:
    """``first layer (conv1)``; the module path is left out where runs disagree about it."""
    names = frame.loc[frame["position"] == position, "layer"].unique()
    if position not in ("first", "last"):
        return short(position)
    return f"{position} layer ({short(names[0])})" if len(names) == 1 else f"{position} layer"


def depth_ticks(depths: Sequence[object], most: int = 10) -> tuple[list[int], list[str]]:
    """Places and texts of at most ``most`` ticks for layers that stand at equal steps."""
    step = max(1, -(-len(depths) // most))
    places = list(range(0, len(depths), step))
    return places, [str(depths[i]) for i in places]


def radius_text(radius: float) -> str:
    """A radius as it is written by hand: 2, or √5 where its square is not a square."""
    square = round(radius * radius)
    return f"{round(radius)}" if math.isqrt(square) ** 2 == square else f"√{square}"


def epoch_mesh(ax: Axes, grid: pd.DataFrame, cmap: str, low: float, high: float) -> QuadMesh:
    """A heat map of ``grid`` (columns: epochs; rows: one step each, whatever their distance)."""
    epochs = grid.columns.to_numpy(dtype=float)
    values = grid.to_numpy(dtype=float)
    mesh = ax.pcolormesh(epochs, np.arange(len(grid)), values, cmap=cmap, vmin=low, vmax=high, rasterized=True)
    ax.grid(visible=False)
    return mesh


def whole_epochs(ax: Axes) -> None:
    """Name the axis and let its ticks stand at whole epochs only."""
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))


MOST_PANELS = 12
"""Panels of a figure that shows every configuration."""


def heading(rows: pd.DataFrame, frame: pd.DataFrame) -> str:
    """What tells the configuration of ``rows`` from the others of ``frame``: its context, its label or both.

    Keys are cut to their last part: ``noise=white`` of ``dataset.noise=white``.
    """
    texts = [column for column in ("context", "label") if len(set(frame[column].astype(str))) > 1]
    text = " · ".join(str(rows[column].iloc[0]) for column in texts or ["label"])
    return re.sub(r"[a-z_][a-z_.]*\.([a-z_]+=)", r"\1", text)


def first_configurations(frame: pd.DataFrame, most: int = MOST_PANELS) -> list[tuple[str, pd.DataFrame]]:
    """Name and rows of the first ``most`` configurations, in display order."""
    groups = [(str(name), rows) for name, rows in frame.groupby("configuration", sort=False)]
    return groups[:most]


def ramp(count: int) -> list[str]:
    """``count`` colours in an order that shows without colour too: dark to light, the palest left out."""
    return [to_hex(mpl.colormaps["viridis"](0.85 * i / max(1, count - 1))) for i in range(count)]


def nothing(reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(WIDTH, 1.0), layout="constrained")
    figure.text(0.5, 0.5, reason, ha="center", va="center")
    return figure
