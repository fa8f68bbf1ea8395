"""Which checks for gradient masking each configuration passes, as a table of marks and words."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.formatting import is_missing, value_text
from analysis.frames import gradient_masking as frames
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import GRID, WIDTH, house_style, nothing, seeds, short, two_lines

CHECKS = {
    "one_step": "PGD against\none step",
    "steps": "more steps\nagainst fewer",
    "eps": "larger eps\nagainst smaller",
    "random": "PGD against\nrandom points",
    "unbounded": "all images\nallowed",
    "transfer": "images of\nanother model",
}
"""What is compared in each known check, in the order of the columns."""
FAILED = "#B34700"


def gradient_masking(frame: pd.DataFrame) -> Figure:
    """A row for each configuration, a column for each check: a mark, a word, and the value in percentage points.

    Args:
        frame: from :func:`analysis.frames.gradient_masking.gradient_masking`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the diagnostic gradient_masking.")
    rows = list(frame["configuration"].unique())
    checks = sorted(
        frame["check_name"].unique(), key=lambda c: (list(CHECKS).index(c) if c in CHECKS else len(CHECKS), c)
    )
    with house_style():
        figure = Figure(figsize=(WIDTH, 0.85 + 0.42 * len(rows)), layout="constrained")
        ax = figure.subplots()
        left = -0.3 * len(checks)  # a row's label takes as much as so many columns
        ax.set(xlim=(left, len(checks)), ylim=(len(rows) - 0.5, -1.75))
        ax.axis("off")
        for place, check in enumerate(checks):
            ax.text(place + 0.5, -0.62, CHECKS.get(check, ""), ha="center", va="bottom", fontsize=8)
            ax.text(place + 0.5, -1.32, short(check, 14), ha="center", va="bottom", fontsize=9, weight="bold")
        for row, configuration in enumerate(rows):
            cells = frame[frame["configuration"] == configuration]
            ax.axhline(row - 0.5, color=GRID, lw=0.8)
            ax.text(left, row, two_lines(cells["label"].iloc[0]), ha="left", va="center", fontsize=8.5)
            for cell in cells.itertuples():
                _cell(ax, checks.index(cell.check_name), row, cell)
        figure.suptitle(_conditions(frame), fontsize=9)
    return figure


def _cell(ax: Axes, column: int, row: int, cell: Any) -> None:
    """A hollow circle and ``passed``, or a filled cross and ``failed`` with the number of seeds; the value below."""
    failed = cell.failed > 0
    color, mark = (FAILED, "X") if failed else (INK, "o")
    ax.plot([column + 0.08], [row - 0.16], marker=mark, ms=5.5, ls="", color=color, mfc=color if failed else "none")
    word = "passed" if not failed else "failed" if cell.n == 1 else f"failed {cell.failed} of {cell.n}"
    ax.text(column + 0.17, row - 0.16, word, va="center", fontsize=8, color=color, weight="bold" if failed else None)
    interval = "" if is_missing(cell.half_width) else f" ± {100 * cell.half_width:.1f}"
    ax.text(column + 0.04, row + 0.2, f"{100 * cell.mean:.1f}{interval} pp", va="center", fontsize=7)


def _conditions(frame: pd.DataFrame) -> str:
    tolerance = ", ".join(value_text(round(100 * t, 6)) for t in sorted(frame["tolerance"].unique()))
    images = ", ".join(str(n) for n in sorted(frame["images"].unique()))
    return f"passed: at most {tolerance} pp in every seed; {images} images; {seeds(frame)}"


PLOT = Plot(
    title="Checks for gradient masking",
    caption="Signs that a gradient attack fails because of the gradient and not because the network is robust (Athalye "
    "et al. 2018, section 3.1), on the first images of the test split. Number: by how much accuracy is higher under "
    "the attack that must be the stronger one (all images allowed: the accuracy that is left), mean over seeds, with "
    "the half-width of the 95% interval. Cross: above the tolerance in at least one seed; the accuracies of that "
    "configuration under gradient attacks overstate its robustness.",
    frames=(frames.gradient_masking,),
    draw=lambda frame: {"": gradient_masking(frame)},
)
