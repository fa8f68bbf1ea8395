"""Share of the spectrum that learned masks remove, per layer over epochs."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.frames import regularizer
from analysis.palette import PALETTE
from analysis.plot.base import Plot
from analysis.plot.style import WIDTH, house_style, nothing, seeds, short, whole_epochs


def share_removed(frame: pd.DataFrame) -> Figure:
    """For each configuration: every layer's share over epochs (left, coloured by depth), and the final one (right).

    Args:
        frame: from :func:`analysis.frames.regularizer.regularizer_quantity`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No regularizer reported a share that it removed.")
    groups = list(frame.groupby("configuration", sort=False))
    with house_style():
        figure = Figure(figsize=(WIDTH, 2.9 * len(groups) + 0.3), layout="constrained")
        grid = figure.subplots(len(groups), 2, squeeze=False)
        for (left, right), (_, rows) in zip(grid, groups, strict=True):
            colors = ScalarMappable(Normalize(frame["depth"].min(), frame["depth"].max()), mpl.colormaps["viridis_r"])
            _over_epochs(left, rows, colors)
            _final(right, rows[rows["epoch"] == rows["epoch"].max()].sort_values("depth"))
            left.set_title(f"{short(rows['label'].iloc[0])}, {seeds(rows)}")
            figure.colorbar(colors, ax=left, label="layer (depth)", ticks=MaxNLocator(6, integer=True))
    return figure


def _over_epochs(ax: Axes, rows: pd.DataFrame, colors: ScalarMappable) -> None:
    # The bands of many layers lie on one another and hide the lines; the right panel has every final interval.
    banded = rows["depth"].nunique() <= 4
    for depth, line in rows.groupby("depth"):
        line = line.sort_values("epoch")
        color = colors.to_rgba(np.asarray(float(depth)))  # type: ignore[arg-type]
        ax.plot(line["epoch"], 100 * line["mean"], color=color, lw=1.3)
        if banded:
            ax.fill_between(line["epoch"], 100 * line["low"], 100 * line["high"], color=color, alpha=0.15, lw=0)
    whole_epochs(ax)
    ax.set_ylabel("share removed, %")


def _final(ax: Axes, rows: pd.DataFrame) -> None:
    ax.errorbar(range(len(rows)), 100 * rows["mean"], yerr=100 * rows["half_width"].fillna(0), ls="", marker="o",
                color=PALETTE["spectral_mask"][0], capsize=2)  # fmt: skip
    step = max(1, -(-len(rows) // 8))
    ax.set_xticks(range(0, len(rows), step), [str(d) for d in rows["depth"].iloc[::step]])
    ax.set_xlabel("layer (depth)")
    ax.set_ylabel("share removed, %")
    ax.set_title("after the last epoch")
    ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))


PLOT = Plot(
    title="Share of the spectrum removed by the masks",
    caption="Share of spectral bins that the learned binary mask sets to zero, mean over seeds; bars (and bands, where"
    " there are at most four layers): 95% interval.",
    frames=(regularizer.regularizer_quantity,),
    draw=lambda frame: {"": share_removed(frame)},
)
