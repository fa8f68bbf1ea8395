"""What all plots share: colours, markers, ink, legends, and figures as SVG text.

Colours are those of Okabe & Ito (2008), told apart under every common colour blindness. A regularizer keeps its colour
in every figure and its strengths go from light to dark; each configuration has its own marker, for print in grey.
"""

from __future__ import annotations

import io
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
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.metric import NORMALIZATIONS, REFERENCES

INK = "#1b1c1e"
GRID = "#dcdde0"
NULL: dict[str, Any] = {"facecolor": "#9a9ca3", "alpha": 0.4, "linewidth": 0.0}
"""How the null distribution's range is drawn, everywhere."""
NULL_LABEL = "null (random initialisations)"

PALETTE = {"none": INK, "weight_decay": "#0072B2", "dropout": "#D55E00", "spectral_mask": "#009E73"}
SPARE = ("#CC79A7", "#E69F00", "#56B4E9", "#8A6D00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")

WIDTH = 7.4
"""Width of a figure in inches: two panels side by side stay legible in print."""


@dataclass(frozen=True)
class Style:
    """Colour and marker of one configuration."""

    color: str
    marker: str


def styles(frame: pd.DataFrame) -> dict[str, Style]:
    """Style of every configuration in ``frame`` (columns configuration, regularizer, strength), in display order."""
    rows = frame[["configuration", "regularizer", "strength"]].drop_duplicates("configuration")
    spare = [name for name in dict.fromkeys(rows["regularizer"]) if name not in PALETTE]
    colors = {**PALETTE, **{name: SPARE[i % len(SPARE)] for i, name in enumerate(spare)}}
    shapes = {label: MARKERS[i % len(MARKERS)] for i, label in enumerate(rows["configuration"])}
    found: dict[str, Style] = {}
    for name, group in rows.groupby("regularizer", sort=False):
        place = group["strength"].rank(method="first", na_option="bottom").astype(int) - 1
        for configuration, i in zip(group["configuration"], place, strict=True):
            shade = 0.75 * (1 - (i + 1) / len(group))
            found[configuration] = Style(_lighter(colors[str(name)], shade), shapes[configuration])
        for configuration in group.loc[group["strength"] == 0, "configuration"]:
            found[configuration] = Style(PALETTE["none"], shapes[configuration])  # strength 0 is no regularizer
    return {label: found[label] for label in rows["configuration"]}


def _lighter(color: str, amount: float) -> str:
    if amount == 0:
        return color
    return str(to_hex(_mixed(to_rgb(color), amount)))


def _mixed(rgb: tuple[float, float, float], white: float) -> tuple[float, float, float]:
    red, green, blue = rgb
    return (1 - white) * red + white, (1 - white) * green + white, (1 - white) * blue + white


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


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """One legend for the whole figure, under the panels, where it can hide nothing."""
    longest = max((len(label) for label in labels), default=1)
    columns = max(1, min(len(labels), int(100 / (longest + 7))))
    figure.legend(list(handles), list(labels), loc="outside lower center", ncols=columns)


def in_reading_order(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Distinct values of ``keys``: normalizations from dc on, the first layer before the last, init before epoch_1."""
    order = [*NORMALIZATIONS, "first", "last", *REFERENCES]
    found = frame[list(keys)].drop_duplicates().itertuples(index=False, name=None)
    return sorted(found, key=lambda facet: [(order.index(v), "") if v in order else (len(order), v) for v in facet])


def layer_title(frame: pd.DataFrame, position: str) -> str:
    """``first layer (conv1)``; the module path is left out where runs disagree about it."""
    names = frame.loc[frame["position"] == position, "layer"].unique()
    if position not in ("first", "last"):
        return position
    return f"{position} layer ({names[0]})" if len(names) == 1 else f"{position} layer"


def whole_epochs(ax: Axes) -> None:
    """Name the axis and let its ticks stand at whole epochs only."""
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def nothing(reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(WIDTH, 1.0), layout="constrained")
    figure.text(0.5, 0.5, reason, ha="center", va="center")
    return figure


def svg(figure: Figure, prefix: str) -> str:
    """The figure as an SVG element to stand inside HTML: same input, same bytes; no outside reference.

    Ids get ``prefix``, so that several figures share a page. Ink and grid become CSS (``currentColor``, ``--grid``), so
    that the figure follows a light or dark page.
    """
    sink = io.StringIO()
    # Fonts and the salt of the ids are read when the figure is written, not when it is made.
    with house_style():
        figure.savefig(sink, format="svg", transparent=True, dpi=130, metadata={"Date": None})
    text = sink.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = text.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
    return text.replace(INK, "currentColor").replace(GRID, "var(--grid)").strip()
