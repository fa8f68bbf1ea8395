"""The amplitude of each frequency over training, side by side for curves of different shape."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import function as frames
from analysis.plot.base import Plot, Scope
from analysis.plot.explained_variance import x_axis
from analysis.plot.magnitude_evolution import panel
from analysis.plot.style import MOST_PANELS, house_style, nothing, panels, seeds, short


def manifold_magnitudes(frame: pd.DataFrame) -> Figure:
    """Heat maps of frequency x iteration, a panel for each curve and regularizer, on one scale.

    Args:
        frame: from :func:`analysis.frames.function.manifold_magnitudes`.
    """
    frame = frame.dropna(subset="mean")
    if frame.empty:
        return nothing("No run fitted dataset=manifold_sinusoids with the probe function_spectrum.")
    x = x_axis(frame)
    frequencies = sorted(frame["frequency"].unique())
    groups = list(frame.groupby(["label", "petals", "configuration"], sort=True))[:MOST_PANELS]
    several = len(set(frame["label"])) > 1
    with house_style():
        figure, axes = panels(len(groups), columns=2, height=1.0 + 0.16 * min(max(len(frequencies), 5), 20))
        for ax, ((label, petals, _), rows) in zip(axes, groups, strict=True):
            mesh = panel(ax, rows, x, frequencies)
            name = f"L = {petals}" + (f" · {short(label, 24)}" if several else "")
            ax.set_title(f"{name}; {seeds(rows)}", fontsize=8.5)
        figure.colorbar(mesh, ax=axes, label="amplitude / target's", extend="max", shrink=0.9, aspect=30)
    return figure


PLOT = Plot(
    title="Amplitude of each frequency along curves of different shape",
    caption="Colour: amplitude |c_k| of the model's function along the curve divided by that of the function to fit, "
    "mean over seeds; the scale ends at 1.2. L is the number of petals of the curve in the plane, 0 a circle: the "
    "function along the curve is the same (after Rahaman et al. 2019, figures 6 to 8).",
    frames=(frames.manifold_magnitudes,),
    draw=lambda frame: {"": manifold_magnitudes(frame)},
    scope=Scope.RECORDS,
)
