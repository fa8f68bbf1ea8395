"""Records -> the charts of the report, by context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from altair.utils.schemapi import debug_mode

from analysis import compare
from analysis.frames import function, learning, regularizer, robustness, runs, spectrum, ssr, strength
from analysis.interactive import final_ssr as final
from analysis.interactive import spectrum as spectra
from analysis.interactive.chart import Chart, Look
from analysis.interactive.explained_variance import explained_variance
from analysis.interactive.function_fit import function_fit
from analysis.interactive.learning import learning_curves
from analysis.interactive.parallel_coordinates import parallel_coordinates
from analysis.interactive.robustness import all_trade_offs, robustness_curves, robustness_map, trade_off
from analysis.interactive.ssr_trajectories import ssr_trajectories
from analysis.interactive.strength import share_removed, strength_response
from analysis.load import AnalysisError
from analysis.palette import Shade, regularizer_colors, shades
from analysis.selection import drawn
from analysis.watched import Watched

CONTEXTS = 6
"""Most contexts that are drawn; the page says in words which are not."""


@dataclass(frozen=True)
class Group:
    """The charts of one context.

    Attributes:
        context: what is constant among its configurations, as text; empty if nothing else differs.
        selection: in words, which share of the configurations the line charts draw; empty if all.
        shades: colour and marker of every drawn configuration.
        variables: configuration -> name of the CSS variable of its colour.
        charts: in reading order.
        scrubber: the charts of the spectrum over training; empty without spectra.
        fit: the chart of the function while it is fitted; empty where none is.
    """

    context: str
    selection: str
    shades: Mapping[str, Shade]
    variables: Mapping[str, str]
    charts: Sequence[Chart]
    scrubber: Sequence[Chart]
    fit: Sequence[Chart]


@dataclass(frozen=True)
class Frame:
    """A computed frame and the queries that it came from."""

    rows: pd.DataFrame
    queries: Sequence[str]

    def of(self, configurations: Sequence[str]) -> pd.DataFrame:
        """The rows of some configurations."""
        return self.rows[self.rows["configuration"].isin(list(configurations))].reset_index(drop=True)


def regularizer_variables(records: Watched) -> dict[str, str]:
    """Regularizer -> name of the CSS variable of its colour."""
    return {name: f"--r{i}" for i, name in enumerate(regularizer_colors(records.configurations.table))}


def contexts(records: Watched) -> list[str]:
    """Every context with a complete run, in display order."""
    table = records.configurations.table
    return list(dict.fromkeys(table.loc[table["complete"] > 0, "context"].astype(str)))


def groups(records: Watched, baseline: Mapping[str, str] | None = None) -> list[Group]:
    """The charts of at most :data:`CONTEXTS` contexts, each frame computed once for all of them."""
    table = records.configurations.table
    shown = contexts(records)[:CONTEXTS]
    chosen = {context: drawn(records.narrowed(_labels(table, context))) for context in shown}
    labels = {c: narrowed.configurations.table["configuration"].tolist() for c, (narrowed, _) in chosen.items()}
    labels = {c: [label for label in names if _complete(table, label)] for c, names in labels.items()}
    every = [label for names in labels.values() for label in names]
    narrowed = records.narrowed(every)
    frames = _frames(narrowed)
    frames["differences"] = _differences(narrowed, baseline)
    whole = records.narrowed(table.loc[table["context"].isin(shown), "configuration"].tolist())
    frames["strength"] = _asked(whole, lambda: strength.strength_response(whole))
    frames["trade_off"] = _asked(whole, lambda: robustness.trade_off(whole))
    colors = regularizer_variables(records)
    with debug_mode(False):  # the tests validate; here it would take a second for every second chart
        return [_group(i, c, labels[c], chosen[c][1], frames, colors) for i, c in enumerate(shown)]


def overall(records: Watched) -> list[Chart]:
    """Charts of all configurations and all runs at once."""
    charts = []
    colors = regularizer_variables(records)
    if len(contexts(records)) > 1:
        points = _asked(records, lambda: robustness.trade_off(records))
        if len(points.rows):
            charts.append(replace(all_trade_offs(points.rows, colors), query=points.queries))
    values = _asked(records, lambda: runs.run_table(records))
    if len(values.rows) > 1:
        charts.append(replace(parallel_coordinates(values.rows, colors), query=values.queries))
    return charts


def _frames(records: Watched) -> dict[str, Frame]:
    computed = {
        "trajectories": lambda: ssr.ssr_trajectories(records),
        "null": lambda: ssr.null_distribution(records),
        "layer_null": lambda: ssr.null_distribution(records, layers=()),
        "final": lambda: ssr.final_ssr(records),
        "depth": lambda: ssr.ssr_by_depth(records),
        "profiles": lambda: spectrum.radial_profiles(records),
        "evolution": lambda: spectrum.spectrum_evolution(records, layers=()),
        "explained": lambda: function.explained_variance(records),
        "fit": lambda: function.function_fit(records),
        "learning": lambda: learning.learning_curves(records),
        "curves": lambda: robustness.robustness_curves(records),
        "removed": lambda: regularizer.regularizer_quantity(records),
    }
    return {name: _asked(records, compute) for name, compute in computed.items()}


def _asked(records: Watched, compute: object) -> Frame:
    with records.asked() as queries:
        rows = compute()  # type: ignore[operator]
    return Frame(rows, queries)


def _differences(records: Watched, baseline: Mapping[str, str] | None) -> Frame:
    """Paired differences from the baseline in the accuracy under every corruption and severity."""
    points = records.sql(
        "SELECT DISTINCT corruption, severity, format('{:.12g}', parameter) AS at FROM corrupted ORDER BY ALL"
    )
    points["metric"] = "accuracy/" + points["corruption"] + "/" + points["at"].fillna("–")
    names = list(dict.fromkeys(points["metric"]))
    try:
        frame = compare.differences(records, baseline, names) if names else pd.DataFrame()
    except AnalysisError:  # no baseline: the map is drawn without differences
        frame = pd.DataFrame()
    columns = ["configuration", "corruption", "severity", "mean", "low", "high"]
    if not len(frame):
        return Frame(pd.DataFrame(columns=columns), [])
    return Frame(frame.merge(points, on="metric")[columns], [])


def _group(
    number: int, context: str, labels: list[str], selection: str, frames: Mapping[str, Frame], colors: dict[str, str]
) -> Group:
    rows = {name: frame.of(labels) for name, frame in frames.items() if name not in ("strength", "trade_off")}
    for name in ("strength", "trade_off"):
        rows[name] = frames[name].rows[frames[name].rows["context"] == context].reset_index(drop=True)
    described = pd.concat([frames["learning"].of(labels), frames["final"].of(labels), frames["curves"].of(labels)])
    order = {label: i for i, label in enumerate(labels)}
    described = described.sort_values("configuration", key=lambda c: c.map(order), kind="stable")
    found = shades(described)
    variables = {label: f"--c{number}-{i}" for i, label in enumerate(found)}
    shapes = {label: shade.shape for label, shade in found.items()}
    look = Look(variables, shapes, {label: shade.dash for label, shade in found.items()})
    charts = [replace(c, query=_queries(c, frames), spec=look.filled(c.spec)) for c in _drawn(rows, look, colors)]
    scrubber, fit = _scrubber(rows["evolution"], look, frames), _fit(rows["fit"], look, frames)
    return Group(context, selection, found, variables, charts, scrubber, fit)


def _drawn(rows: Mapping[str, pd.DataFrame], look: Look, colors: dict[str, str]) -> Iterator[Chart]:
    null = rows["null"]
    if len(rows["trajectories"]):
        yield ssr_trajectories(rows["trajectories"], null, look)
    if len(rows["final"]):
        yield final.beside_null(rows["final"], null, look)
        yield final.sensitivity(rows["final"], null, look)
        yield final.by_depth(rows["depth"], rows["layer_null"], look)
    if len(rows["profiles"]):
        yield spectra.radial_profiles(rows["profiles"], look)
    if rows["explained"]["mean"].notna().any():
        yield explained_variance(rows["explained"], look)
    if rows["learning"]["mean"].notna().any():
        yield learning_curves(rows["learning"], look)
    if len(rows["curves"]):
        yield robustness_curves(rows["curves"], look)
        yield robustness_map(rows["curves"], rows["differences"])
    if len(rows["trade_off"]):
        yield trade_off(rows["trade_off"], _wide(rows["trade_off"], look))
    if len(rows["strength"]):
        yield strength_response(rows["strength"], colors)
    if len(rows["removed"]):
        yield share_removed(rows["removed"])


def _wide(points: pd.DataFrame, look: Look) -> Look:
    """A look for all configurations of the context: those that are not among the drawn ones are grey circles."""
    labels = list(dict.fromkeys(points["configuration"].astype(str)))
    return Look(
        {label: look.colors.get(label, "--soft") for label in labels},
        {label: look.shapes.get(label, "circle") for label in labels},
    )


def _scrubber(evolution: pd.DataFrame, look: Look, frames: Mapping[str, Frame]) -> list[Chart]:
    if not len(evolution):
        return []
    rows = spectra.scrubber_rows(evolution)
    charts = [spectra.scrubber_map(rows), spectra.scrubber_profile(rows, look)]
    return [replace(chart, query=frames["evolution"].queries, spec=look.filled(chart.spec)) for chart in charts]


def _fit(rows: pd.DataFrame, look: Look, frames: Mapping[str, Frame]) -> list[Chart]:
    if not rows["mean"].notna().any():
        return []
    chart = function_fit(rows, look)
    return [replace(chart, query=frames["fit"].queries, spec=look.filled(chart.spec))]


_MADE_OF = {
    "ssr": ("trajectories", "null"), "final": ("final", "null"), "sensitivity": ("final", "null"),
    "depth": ("depth", "layer_null"), "profiles": ("profiles",), "explained": ("explained",), "learning": ("learning",),
    "robustness": ("curves",),
    "map": ("curves",), "tradeoff": ("trade_off",), "strength": ("strength",), "share": ("removed",),
}  # fmt: skip


def _queries(chart: Chart, frames: Mapping[str, Frame]) -> list[str]:
    return [query for name in _MADE_OF[chart.key] for query in frames[name].queries]


def _labels(table: pd.DataFrame, context: str) -> list[str]:
    return [str(label) for label in table.loc[table["context"] == context, "configuration"]]


def _complete(table: pd.DataFrame, label: str) -> bool:
    return bool(table.loc[table["configuration"] == label, "complete"].iloc[0] > 0)
