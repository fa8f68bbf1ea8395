"""Loss and accuracy over training, of the training and the validation split, and the gap between them."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.frames import learning
from analysis.interval import NOTE, is_accuracy
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import (
    Style,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    spread,
    styles,
    whole_epochs,
)

PANELS = (
    ("loss, nat", 1.0, "validation_loss", "train_loss"),
    ("accuracy, %", 100.0, "validation_accuracy", "train_accuracy"),
    # Training minus validation.
    ("accuracy gap, points", 100.0, "accuracy_gap", None),
)
"""Label, factor, the quantity drawn as a full line with its band, and the one drawn dashed."""


def learning_curves(frame: pd.DataFrame) -> Figure:
    """Three panels: loss, accuracy, and the gap between training and validation accuracy.

    Where no run has an accuracy there is one panel: the loss of runs that fit functions, a mean squared error.

    Args:
        frame: from :func:`analysis.frames.learning.learning_curves`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No epoch was recorded.")
    look = styles(frame)
    classifies = frame["quantity"].isin(["train_accuracy", "validation_accuracy"]).any()
    shown = PANELS if classifies else (("mean squared error", *PANELS[0][1:]),)
    with house_style():
        figure, axes = panels(len(shown), columns=3, height=2.5)
        for ax, (label, scale, full, dashed) in zip(axes, shown, strict=True):
            _lines(ax, frame[frame["quantity"] == full], scale, look, full=True)
            _lines(ax, frame[frame["quantity"] == dashed], scale, look, full=False)
            whole_epochs(ax)
            ax.set_ylabel(label)
        if classifies:
            axes[2].axhline(0, color=INK, lw=0.8)
        handles, labels = legend_of(axes[0])
        handles += [Line2D([], [], color=INK), Line2D([], [], color=INK, ls="--", lw=1)]
        labels += ["validation", "training"]
        legend_below(figure, handles, labels, spread(frame))
    return figure


def _lines(ax: Axes, rows: pd.DataFrame, scale: float, look: dict[str, Style], *, full: bool) -> None:
    for configuration, line in rows.groupby("configuration", sort=False):
        line = line.sort_values("epoch")
        style = look[str(configuration)]
        if not full:
            ax.plot(line["epoch"], scale * line["mean"], color=style.color, ls="--", lw=1)
            continue
        ax.plot(line["epoch"], scale * line["mean"], color=style.color, marker=style.marker, lw=1.4,
                markevery=max(1, len(line) // 5), label=line["label"].iloc[0])  # fmt: skip
        accuracy = is_accuracy(str(line["quantity"].iloc[0]))
        low, high = (line[c].clip(0, 1) if accuracy else line[c] for c in ("low", "high"))
        ax.fill_between(line["epoch"], scale * low, scale * high, color=style.color, alpha=0.16, lw=0)


PLOT = Plot(
    title="Learning curves",
    caption="Full lines and bands: validation split, mean over seeds with the 95% interval. Dashed: training, the mean"
    " over the epoch's augmented images while the weights move, so that epoch 0 has none and the gap can be "
    "negative. Gap: training minus validation accuracy. " + NOTE,
    frames=(learning.learning_curves,),
    draw=lambda frame: {"": learning_curves(frame)},
)
