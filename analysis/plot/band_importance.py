"""Accuracy without a band of frequencies, and on it alone."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.frames import band_importance as frames
from analysis.interval import NOTE, bars
from analysis.palette import INK
from analysis.plot.base import Plot
from analysis.plot.style import Style, house_style, legend_below, legend_of, nothing, panels, spread, styles

OPERATIONS = {
    "remove": ("without the band", "accuracy lost, pp"),
    "keep": ("on the band and the mean colour alone", "accuracy, %"),
}
"""Title and axis of each panel, in order."""
MOST_TICKS = 10


def band_importance(frame: pd.DataFrame) -> Figure:
    """Accuracy lost without each band above accuracy on it alone; a line for each configuration with its intervals.

    Args:
        frame: from :func:`analysis.frames.band_importance.band_importance`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run asked for the diagnostic band_importance.")
    look = styles(frame)
    operations = [name for name in OPERATIONS if (frame["operation"] == name).any()]
    images = ", ".join(str(n) for n in sorted(frame["images"].unique()))
    with house_style():
        figure, axes = panels(len(operations), columns=1, height=2.3)
        for ax, operation in zip(axes, operations, strict=True):
            _panel(ax, frame[frame["operation"] == operation], look, accuracy=operation == "keep")
            title, unit = OPERATIONS[operation]
            ax.set_title(f"{title}; {images} images")
            ax.set_ylabel(unit)
        axes[-1].set_xlabel("band: radius in cycles per shorter side, share of the images' energy")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, look: dict[str, Style], *, accuracy: bool) -> None:
    edges = ["radius_from", "radius_to", "energy"]
    bands = rows[["band", *edges]].drop_duplicates().sort_values(["band", *edges])
    places = {band: i for i, band in enumerate(bands.itertuples(index=False, name=None))}
    lines = list(rows.groupby("configuration", sort=False))
    for i, (configuration, line) in enumerate(lines):
        x = [places[band] for band in line[["band", *edges]].itertuples(index=False, name=None)]
        line = line.assign(x=x).sort_values("x")
        shift = min(0.1, 0.4 / len(lines)) * (i - (len(lines) - 1) / 2)  # keeps bars of configurations apart
        style = look[str(configuration)]
        ax.errorbar(line["x"] + shift, 100 * line["mean"],
                    yerr=100 * bars(line["mean"], line["half_width"], accuracy=accuracy), lw=1.3, elinewidth=0.9,
                    color=style.color, ls=style.line, marker=style.marker, label=line["label"].iloc[0])  # fmt: skip
    if not accuracy:
        ax.axhline(0, color=INK, lw=0.8)
    step = -(-len(places) // MOST_TICKS)
    ax.set_xticks(range(0, len(places), step), [_named(*band[1:]) for band in list(places)[::step]], fontsize=8)
    ax.grid(visible=False, axis="x")


def _named(radius_from: float, radius_to: float, energy: float) -> str:
    ends = [f"{radius:.3g}" for radius in (radius_from, radius_to)]
    return f"{'–'.join(dict.fromkeys(ends))}\n{100 * energy:.{0 if energy >= 0.1 else 1}f}%"


PLOT = Plot(
    title="Band importance",
    caption="The spectrum of the test images is cut into rings of about equal energy (Abello et al. 2021). Above: "
    "accuracy on the unfiltered images minus accuracy without the ring. Below: accuracy on the ring and the mean "
    "colour (DC) alone. Mean over seeds with the 95% interval, on the first images of the test split. " + NOTE,
    frames=(frames.band_importance,),
    draw=lambda frame: {"": band_importance(frame)},
)
