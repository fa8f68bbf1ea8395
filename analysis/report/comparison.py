"""The comparison table of the report: every configuration with its estimates, as cells that sort, filter and copy."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis import aggregate, metric, table
from analysis.formatting import estimate_text, is_missing
from analysis.load import Records
from analysis.statistics.best import best

FEW = 60
"""Up to this number of configurations the table also holds accuracies under corruption and every SSR."""
MARKS = {"best": "★", "tied": "☆"}


@dataclass(frozen=True)
class Column:
    """A column: head, group it is shown and hidden with, meaning, and whether it holds numbers."""

    head: str
    group: str
    note: str
    number: bool


@dataclass(frozen=True)
class Cell:
    """What a cell shows, the value that sorting and filtering use (in the shown unit), and its mark."""

    text: str
    value: str
    mark: str = ""


@dataclass(frozen=True)
class Row:
    """A configuration's label, its context and its cells."""

    configuration: str
    context: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Comparison:
    """The table, the metrics it holds, and its notes in words."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    metrics: Sequence[str]
    notes: Sequence[str]

    @property
    def leading(self) -> int:
        """Number of text columns, which all stand before the numbers."""
        return sum(not column.number for column in self.columns)

    @property
    def groups(self) -> list[str]:
        """Groups of metric columns, in order."""
        return list(dict.fromkeys(column.group for column in self.columns if column.group))


def comparison(records: Records) -> Comparison:
    """Every configuration with mean and half-width of its metrics, n, and what may be marked best."""
    named = _metrics(records)
    names = [name for group in named.values() for name in group]
    frame = aggregate.headline(records, names)
    marks = _marks(records, names)
    configurations = records.configurations
    counts = frame.groupby("configuration")["n"].max().to_dict()
    texts = {str(name): _cells(rows, str(name), marks, counts) for name, rows in frame.groupby("metric", sort=False)}
    rows = []
    shown = dict(zip(configurations.shown.index, configurations.shown.to_numpy().tolist(), strict=True))
    for described in configurations.table.to_dict("records"):
        label = str(described["configuration"])
        leading = _leading(shown[label], described, int(counts[label]))
        rows.append(Row(label, str(described["context"]), [*leading, *(texts[name][label] for name in names)]))
    heads = [Column(str(key), "", "", False) for key in configurations.shown.columns]
    heads.append(Column("n", "", "seeds with a complete run", True))
    for group, members in named.items():
        heads += [Column(_head(name, group), group, metric.describe(name).definition, True) for name in members]
    notes = [*table.footer(records, metric.headline(records)), *_mark_note(marks)]
    return Comparison(heads, rows, names, notes)


def _metrics(records: Records) -> dict[str, list[str]]:
    corruptions = records.sql("SELECT DISTINCT corruption FROM corrupted ORDER BY ALL")["corruption"]
    groups = {
        "headline": metric.headline(records),
        "drop from clean accuracy": [f"drop/{name}" for name in corruptions],
        "accuracy under corruption": [],
    }
    if len(records.configurations.table) <= FEW:
        groups["accuracy under corruption"] = [f"accuracy/{name}" for name in corruptions]
        groups["every SSR"] = [name for name in _ssr(records) if name not in metric.DEFAULT]
    return {group: names for group, names in groups.items() if names}


def _ssr(records: Records) -> list[str]:
    """Every SSR of the first and the last layer that has a value."""
    found = records.sql(
        "SELECT DISTINCT position, normalization, reference FROM ssr_metrics WHERE position IN ('first', 'last')"
    )
    present = set(found.itertuples(index=False, name=None))
    return [
        f"ssr/{position}/{normalization}/{reference}"
        for position in ("first", "last")
        for normalization in metric.NORMALIZATIONS
        for reference in metric.REFERENCES
        if (position, normalization, reference) in present
    ]


def _head(name: str, group: str) -> str:
    return table.head(name).removeprefix("drop ").removeprefix("accuracy ") if group != "headline" else table.head(name)


def _leading(shown: Sequence[object], described: Mapping[Hashable, Any], n: int) -> Iterator[Cell]:
    """Cells of what tells configurations apart, and of n."""
    for text in shown:
        yield Cell(str(text), str(described["order"]))
    total, complete = described["total"], described["complete"]
    yield Cell(str(n) if complete == total else f"{n} of {total}", str(n))


def _cells(
    rows: pd.DataFrame, name: str, marks: Mapping[tuple[str, str], str], counts: Mapping[Hashable, int]
) -> dict[str, Cell]:
    """Configuration -> its cell of one metric; a cell whose n is not the row's says so."""
    unit = metric.describe(name).unit
    scale = 100 if unit == "fraction" else 1
    return {
        label: Cell(
            estimate_text(mean, half, unit) + ("" if n in (counts[label], 0) else f" (n={n})"),
            "" if is_missing(mean) else f"{scale * mean:.6g}",
            marks.get((label, name), ""),
        )
        for label, mean, half, n in zip(rows["configuration"], rows["mean"], rows["half_width"], rows["n"], strict=True)
    }


def _marks(records: Records, names: Sequence[str]) -> dict[tuple[str, str], str]:
    """(configuration, metric) -> star, within a context, for metrics of which one direction is better."""
    ranked = [name for name in names if metric.larger_is_better(name) is not None]
    if len(records.configurations.table) > FEW:
        ranked = [name for name in ranked if name in metric.DEFAULT]
    values = metric.values(records, ranked).dropna(subset="value")
    values = values.merge(records.configurations.table[["configuration", "context"]], on="configuration")
    found: dict[tuple[str, str], str] = {}
    for (name, _), group in values.groupby(["metric", "context"], sort=False):
        marked = best(group, ["configuration"], larger_is_better=bool(metric.larger_is_better(str(name))))
        found |= {(str(label), str(name)): MARKS[mark] for label, mark in marked.items() if mark}
    return found


def _mark_note(marks: Mapping[tuple[str, str], str]) -> list[str]:
    if not marks:
        return [
            "No configuration is marked best in the columns of accuracies and losses: these seeds cannot tell them "
            "apart there (or n = 1). SSRs are no better for being larger and are never marked; the section "
            "Differences tests pairs with the baseline only, marks need all pairs of a context."
        ]
    return [
        "★: every other configuration of its context is significantly worse than some configuration, so this one is "
        "the best; ☆: one of several that may be the best (paired by seed, Holm's correction over all pairs, each "
        "column for itself). Columns of accuracies and losses without a mark: the seeds cannot tell; SSRs are never "
        "marked."
    ]
