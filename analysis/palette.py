"""Which colour and marker belong to which configuration, on light and on dark paper.

Colours are those of Okabe & Ito (2008), told apart under every common colour blindness. A regularizer keeps its colour
in every figure, its strengths go from faint to full; each configuration has its own marker, for print in grey.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

INK = "#1b1c1e"
CHALK = "#e9eaec"

PALETTE = {
    "none": (INK, CHALK),
    "weight_decay": ("#0072B2", "#5FB8F0"),
    "dropout": ("#D55E00", "#FF8A45"),
    "spectral_mask": ("#009E73", "#35CFA3"),
}
"""Colour of a regularizer on light and on dark paper."""
SPARE = (("#CC79A7", "#E39BC4"), ("#E69F00", "#F2B632"), ("#56B4E9", "#8CCBF2"), ("#8A6D00", "#C7A528"))
SHAPES = (
    "circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left",
)  # fmt: skip


@dataclass(frozen=True)
class Shade:
    """Colour on light paper, colour on dark paper, and marker (a Vega symbol) of one configuration."""

    light: str
    dark: str
    shape: str


def regularizer_colors(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colours (light, dark) of every regularizer in ``frame``, in order of appearance."""
    names = [str(name) for name in dict.fromkeys(frame["regularizer"])]
    spare = [name for name in names if name not in PALETTE]
    return {name: PALETTE[name] if name in PALETTE else SPARE[spare.index(name) % len(SPARE)] for name in names}


def shades(frame: pd.DataFrame) -> dict[str, Shade]:
    """Shade of every configuration in ``frame`` (columns configuration, regularizer, strength), in display order."""
    rows = frame[["configuration", "regularizer", "strength"]].drop_duplicates("configuration")
    colors = regularizer_colors(rows)
    shapes = {label: SHAPES[i % len(SHAPES)] for i, label in enumerate(rows["configuration"])}
    found: dict[str, Shade] = {}
    for name, group in rows.groupby("regularizer", sort=False):
        light, dark = colors[str(name)]
        place = group["strength"].rank(method="first", na_option="bottom").astype(int) - 1
        for label, strength, i in zip(group["configuration"], group["strength"], place, strict=True):
            faint = 0.65 * (1 - (i + 1) / len(group))
            pair = (mixed(light, "#ffffff", faint), mixed(dark, "#16171a", faint))
            if strength == 0:  # strength 0 is no regularizer
                pair = PALETTE["none"]
            found[str(label)] = Shade(*pair, shapes[label])
    return {str(label): found[str(label)] for label in rows["configuration"]}


def mixed(color: str, other: str, share: float) -> str:
    """``color`` with ``share`` of ``other`` in it; both as #rrggbb."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round((1 - share) * a + share * b):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
