"""Which frequencies survive a random step in parameter space: a map, and the same as curves with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import parameter_perturbation as frames
from analysis.plot.base import Plot
from analysis.plot.style import (
    first_configurations,
    heading,
    house_style,
    legend_below,
    legend_of,
    nothing,
    panels,
    seeds,
    short,
    spread,
    styles,
)

COLORS = "viridis"
_REASON = "No run asked for the probe parameter_perturbation."
CURVES = 4
"""Steps whose curves are shown; of more, evenly spaced ones with the smallest above 0 and the largest."""


def perturbation_map(frame: pd.DataFrame) -> Figure:
    """Heat maps of frequency x norm of the step, one panel a configuration, colours from 0 to 1.

    Args:
        frame: from :func:`analysis.frames.parameter_perturbation.retention`, one context.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing(_REASON)
    groups = first_configurations(frame)
    frequencies, deltas = (sorted(frame[column].unique()) for column in ("frequency", "delta"))
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=1.2 + 0.16 * min(max(len(frequencies), 5), 20))
        for ax, (_, rows) in zip(axes, groups, strict=True):
            grid = rows.pivot_table(index="frequency", columns="delta", values="mean").reindex(
                frequencies, columns=deltas
            )
            mesh = ax.pcolormesh(np.arange(len(deltas)), np.arange(len(frequencies)), grid.to_numpy(float), cmap=COLORS,
                                 vmin=0, vmax=1, shading="nearest", rasterized=True)  # fmt: skip
            step = -(-len(frequencies) // 10)
            ax.set_yticks(range(0, len(frequencies), step), [str(k) for k in frequencies[::step]])
            ax.set_xticks(range(len(deltas)), [f"{delta:g}" for delta in deltas])
            ax.grid(visible=False)
            ax.set_xlabel("step δ, Euclidean norm in parameter space")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("frequency, cycles per period")
            ax.set_title(f"{short(heading(rows, frame))}; {seeds(rows)}", fontsize=8.5)
        figure.colorbar(mesh, ax=axes, label="retention", extend="max", shrink=0.9, aspect=30)
    return figure


def retention_curves(frame: pd.DataFrame) -> Figure:
    """Retention over frequency with its interval, a panel for each norm of the step.

    Args:
        frame: as of :func:`perturbation_map`.
    """
    frame = frame[frame["delta"] > 0].dropna(subset="mean")
    if frame.empty:
        return nothing(_REASON)
    look = styles(frame)
    deltas = sorted(frame["delta"].unique())
    if len(deltas) > CURVES:
        deltas = [deltas[round(i * (len(deltas) - 1) / (CURVES - 1))] for i in range(CURVES)]
    with house_style():
        figure, axes = panels(len(deltas), columns=2, height=2.3)
        for ax, delta in zip(axes, deltas, strict=True):
            for configuration, rows in frame[frame["delta"] == delta].groupby("configuration", sort=False):
                line, style = rows.sort_values("frequency"), look[str(configuration)]
                ax.plot(line["frequency"], line["mean"], color=style.color, ls=style.line, marker=style.marker, lw=1.4,
                        ms=3.5, label=line["label"].iloc[0])  # fmt: skip
                low, high = (line[end].astype(float).clip(lower=0) for end in ("low", "high"))
                ax.fill_between(line["frequency"], low, high, color=style.color, alpha=0.16, lw=0)
            ax.set_ylim(0, max(1.1, min(2.0, 1.05 * frame["mean"].max())))
            ax.set_title(f"δ = {delta:g}")
            ax.set_xlabel("frequency, cycles per period")
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("retention")
        legend_below(figure, *legend_of(axes[0]), spread(frame))
    return figure


PLOT = Plot(
    title="Frequencies that survive a random step in parameter space",
    caption="Retention: amplitude |c_k| of the model's function after a step of norm δ in a random direction over all "
    "parameters, mean over directions, divided by its own amplitude; at each run's last measured epoch (after Rahaman "
    "et al. 2019, figure 2). The map's scale ends at 1; a step can also add to a frequency. The second figure has the "
    "same values as curves, mean over seeds with the 95% interval, cut at 0.",
    frames=(frames.retention,),
    draw=lambda frame: {"": perturbation_map(frame), "curves": retention_curves(frame)},
)
