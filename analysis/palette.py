"""Which colour and marker belong to which configuration, on light and on dark paper.

Colours are those of Okabe & Ito (2008), told apart under every common colour blindness. A regularizer keeps its colour
in every figure. Neighbouring strengths of one regularizer differ by 25 steps of CIE lightness L* or more and in their
dash; each configuration has its own marker, for print in grey. Up to three strengths go from faint to full; of more, so
many steps do not fit between paper and ink, and every second one is taken from the other half of the range.
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
"""Colours of all others. Those of :data:`SHARED` have one each for good, the rest take them in order of appearance."""
SHARED = (
    ("adversarial_training", "frequency_penalty", "spatial_dropout", "spectral_norm"),
    ("drop_path", "label_smoothing", "spectral_dropout"),
    ("band_limit", "frequency_weighted_decay", "gaussian_augmentation"),
    ("augmix", "orthogonality", "spectral_mask_per_class"),
)
"""Names with each colour of :data:`SPARE`; their places in the row are their markers', too."""
SHAPES = (
    "circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left",
)  # fmt: skip
DASHES = 3
LIGHTNESS = (73.0, 22.0), (38.0, 89.0)
"""L* of the faintest and of the fullest strength, on light and on dark paper."""


@dataclass(frozen=True)
class Shade:
    """Colour on light paper, colour on dark paper, marker (a Vega symbol) and dash of one configuration.

    The dash is the number of its pattern: 0 a full line, up to :data:`DASHES` - 1.
    """

    light: str
    dark: str
    shape: str
    dash: int = 0


def regularizer_colors(frame: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colours (light, dark) of every regularizer in ``frame``, in order of appearance."""
    names = [str(name) for name in dict.fromkeys(frame["regularizer"])]
    fixed = PALETTE | {name: SPARE[i] for i, row in enumerate(SHARED) for name in row}
    others = [name for name in names if name not in fixed]
    return {name: fixed[name] if name in fixed else SPARE[others.index(name) % len(SPARE)] for name in names}


def shades(frame: pd.DataFrame) -> dict[str, Shade]:
    """Shade of every configuration in ``frame`` (columns configuration, regularizer, strength), in display order."""
    rows = frame[["configuration", "regularizer", "strength"]].drop_duplicates("configuration")
    colors = regularizer_colors(rows)
    shapes = _shapes(rows, colors)
    found: dict[str, Shade] = {}
    for name, group in rows.groupby("regularizer", sort=False):
        swept = group if "+" in str(name) else group[group["strength"] != 0]  # strength 0 alone is no regularizer
        places = swept["strength"].rank(method="first", na_option="bottom").astype(int) - 1
        at = dict(zip(swept["configuration"], places, strict=True))
        for label in group["configuration"]:
            pair, place = (PALETTE["none"], 0) if label not in at else (colors[str(name)], at[label])
            if label in at and len(swept) > 1:
                share = _places(len(swept))[place] / (len(swept) - 1)
                pair = tuple(
                    at_lightness(color, faint + share * (full - faint))
                    for color, (faint, full) in zip(pair, LIGHTNESS, strict=True)
                )  # type: ignore[assignment]
            found[str(label)] = Shade(*pair, shapes[label], place % DASHES)
    return {str(label): found[str(label)] for label in rows["configuration"]}


def _shapes(rows: pd.DataFrame, colors: dict[str, tuple[str, str]]) -> dict[str, str]:
    """A shape for each configuration: its own, as far as there are shapes, or else its own of its colour.

    Each regularizer begins with the same shape in every figure, its strengths take the following ones.
    """
    found: dict[str, str] = {}
    taken: dict[str, set[str]] = {}
    enough = len(rows) <= len(SHAPES)
    turns: dict[str, int] = {}
    for label, name in zip(rows["configuration"], rows["regularizer"], strict=True):
        used = taken.setdefault("" if enough else colors[str(name)][0], set())
        first = _first_shape(str(name), len(turns)) + turns.setdefault(str(name), 0)
        turns[str(name)] += 1
        turn = [SHAPES[(first + k) % len(SHAPES)] for k in range(len(SHAPES))]
        found[label] = next((shape for shape in turn if shape not in used), turn[0])
        used.add(found[label])
    return found


def _first_shape(name: str, appeared: int) -> int:
    if name in PALETTE:
        return list(PALETTE).index(name)
    return next((2 * row.index(name) + i for i, row in enumerate(SHARED) if name in row), appeared)


def _places(number: int) -> list[int]:
    """Which of ``number`` steps of lightness each strength has: up to 3 in order; of more, neighbours far apart.

    With five: 0, 3, 1, 4, 2; with four: 2, 0, 3, 1.
    """
    if number <= 3:
        return list(range(number))
    half = (number + 1) // 2
    low, high = range(half), range(half, number)
    first, second = (low, high) if number % 2 else (high, low)
    found = [place for pair in zip(first, second, strict=False) for place in pair]
    return [*found, *first[len(second) :]]


def at_lightness(color: str, lightness: float) -> str:
    """``color``, mixed with white or black until its CIE lightness L* (0 to 100) is ``lightness``."""
    other = "#ffffff" if lightness_of(color) < lightness else "#000000"
    low, high = 0.0, 1.0
    for _ in range(20):
        share = (low + high) / 2
        short = lightness_of(mixed(color, other, share)) < lightness
        low, high = (share, high) if short == (other == "#ffffff") else (low, share)
    return mixed(color, other, high)


def lightness_of(color: str) -> float:
    """CIE L* of an sRGB colour (#rrggbb): 116 Y^(1/3) - 16, or 903.3 Y where Y is below .008856."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                        for c in (channel / 255 for channel in _channels(color)))  # fmt: skip
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance)


def mixed(color: str, other: str, share: float) -> str:
    """``color`` with ``share`` of ``other`` in it; both as #rrggbb."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round((1 - share) * a + share * b):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
