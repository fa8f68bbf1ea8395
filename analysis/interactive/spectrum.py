"""Radial profiles before and after training, and the frames of the spectrum over training."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.interactive import chart
from analysis.interactive.chart import Chart, Look

LIMIT = 3.0
"""The spectrum's colours end at 2 to the power of plus and minus this."""


def radial_profiles(frame: pd.DataFrame, look: Look) -> Chart:
    """Power against spatial frequency, relative to white, of the first and the last layer.

    Args:
        frame: as of ``frames.spectrum.radial_profiles``.
    """
    rows = frame.assign(panel=chart.layer_panel(frame))
    rows = rows.assign(low=rows["low"].where(rows["low"] > 0, rows["mean"] / 8))
    keys = ["configuration", "panel", "state", "radius", "multiplicity", "mean", "low", "high", "n"]
    order = [str(rows.loc[rows["position"] == position, "panel"].iloc[0]) for position in chart.positions(rows)]
    x = _radius("radius:Q", rows["radius"])
    y = alt.Y("mean:Q", title="power relative to white", scale=alt.Scale(type="log", base=2))
    tooltip = [
        alt.Tooltip("configuration:N"), alt.Tooltip("state:N"), alt.Tooltip("radius:Q", format=".3f"),
        alt.Tooltip("multiplicity:Q", title="DFT bins"), *chart.estimates(),
    ]  # fmt: skip
    white = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(y=alt.datum(1))
    initial = alt.Chart().mark_line(strokeDash=[5, 3], strokeWidth=1.4).encode(
        x=x, y=y, color=look.color(), opacity=chart.opacity(0.7), tooltip=tooltip
    )  # fmt: skip
    trained = "datum.state === 'trained'"
    layers = [
        white,
        initial.transform_filter("datum.state === 'initial'"),
        chart.band(look, x, trained),
        *chart.line(look, x, y, tooltip, trained, dashed=False),
    ]
    spec = chart.facet(layers, "profiles", order, height=220, free="y")
    return Chart(
        "profiles",
        "Radial profiles",
        "Power of the first and the last layer's kernels over spatial frequency, before and after training.",
        "Mean power at each radius relative to the mean power over the kernel's whole DFT (1 is a white spectrum). "
        f"Dashed: before the first update; full: after the last epoch, mean over seeds ({chart.seeds(rows)}) with the "
        f"{chart.INTERVAL}. Logarithmic axis.",
        chart.finished(spec, (), len(order)),
        {"profiles": rows[keys]},
        "analysis.frames.spectrum.radial_profiles",
    )


def _radius(field: str, radii: pd.Series) -> alt.X:
    """An axis whose ticks stand at the radii only: there are no others."""
    ticks = sorted(set(radii.astype(float).round(3)))
    expression = "format(datum.value, datum.value % 1 ? '.2f' : 'd')"
    axis = alt.Axis(grid=False, values=ticks, labelExpr=expression, labelOverlap=True)
    return alt.X(field, title="radius (cycles per kernel)", axis=axis, scale=alt.Scale(nice=False))


def scrubber_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Every layer's spectrum at every epoch: log2 of the mean power relative to white, missing where there is none.

    Args:
        frame: as of ``frames.spectrum.spectrum_evolution`` of every layer, ratio white_relative.
    """
    mean = frame["mean"].to_numpy(dtype=float)
    power = np.round(np.log2(np.where(mean > 0, mean, np.nan)), 3)
    radius = frame["radius"].astype(float).map("{:.3g}".format)
    rows = frame[["configuration", "layer", "depth", "epoch"]].assign(
        # Within a context a label tells configurations apart, but for rare twins.
        panel=frame["label"] if _distinct(frame) else frame["configuration"],
        r=frame["radius"].round(3),
        radius=radius,
        power=power,
    )
    return rows.sort_values(["epoch", "depth"], kind="stable", ignore_index=True)


def _distinct(frame: pd.DataFrame) -> bool:
    pairs = frame[["configuration", "label"]].drop_duplicates()
    return not pairs["label"].duplicated().any()


def scrubber_map(rows: pd.DataFrame) -> Chart:
    """Heat map layer x radius at the chosen epoch, a panel for each chosen configuration.

    Args:
        rows: as of :func:`scrubber_rows`.
    """
    layers = list(dict.fromkeys(rows.sort_values("depth", kind="stable")["layer"]))
    radii = sorted(dict.fromkeys(rows["radius"]), key=float)
    scale = alt.Scale(domain=[-LIMIT, 0, LIMIT], range=["#b35806", "#f7f7f7", "#542788"], clamp=True)
    color = alt.Color(
        "power:Q", scale=scale, title="log2 power relative to white",
        legend=alt.Legend(orient="bottom", direction="horizontal"),
    )  # fmt: skip
    tooltip = [
        alt.Tooltip("configuration:N"), alt.Tooltip("layer:N"), alt.Tooltip("epoch:Q"),
        alt.Tooltip("radius:N", title="radius (cycles per kernel)"),
        alt.Tooltip("power:Q", title="log2 relative power", format=".2f"),
    ]  # fmt: skip
    cell = alt.Chart().mark_rect(stroke="var(--paper)", strokeWidth=0.5).encode(
        x=alt.X("radius:O", sort=radii, title="radius", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("layer:N", sort=layers, title=None, axis=alt.Axis(labelLimit=110)), color=color, tooltip=tooltip,
    )  # fmt: skip
    order = list(dict.fromkeys(rows["panel"]))
    spec = chart.facet([cell], "scrub", order, columns=3, height=max(80, 15 * len(layers)))
    # Before the panels are made, so that a configuration which is not shown has none.
    spec["transform"] = [{"filter": "datum.epoch === epoch && indexof(shown, datum.configuration) >= 0"}]
    return _scrubbed(spec, rows, "scrub-map", "Every layer's spectrum at one epoch", 3)


def scrubber_profile(rows: pd.DataFrame, look: Look) -> Chart:
    """Radial profile of the chosen layer at the chosen epoch.

    Args:
        rows: as of :func:`scrubber_rows`.
    """
    shown = "datum.epoch === epoch && datum.layer === layer && indexof(shown, datum.configuration) >= 0"
    x = _radius("r:Q", rows["r"])
    y = alt.Y("power:Q", title="log2 power relative to white", scale=alt.Scale(domain=[-LIMIT, LIMIT], clamp=True))
    tooltip = [alt.Tooltip("configuration:N"), alt.Tooltip("radius:N"), alt.Tooltip("power:Q", format=".2f")]
    white = alt.Chart().mark_rule(color="var(--soft)", strokeDash=[2, 2]).encode(y=alt.datum(0))
    spec = chart.layered([white, *chart.line(look, x, y, tooltip, shown)], "scrub", 200)
    return _scrubbed(spec, rows, "scrub-profile", "One layer's radial profile at one epoch", 1)


def _scrubbed(spec: dict[str, Any], rows: pd.DataFrame, key: str, title: str, columns: int) -> Chart:
    last, first = int(rows["epoch"].max()), str(rows.sort_values("depth")["layer"].iloc[0])
    names = list(dict.fromkeys(rows["configuration"]))[:columns]
    words = f"{title}: log2 of the power relative to a white spectrum."
    finished = chart.finished(spec, (), len(names), columns)
    for name, value in (("epoch", last), ("layer", first), ("shown", names)):
        finished["params"].append({"name": name, "value": value})
    return Chart(key, title, words, "", finished, {"scrub": rows}, "analysis.frames.spectrum.spectrum_evolution")
