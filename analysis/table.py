"""The aggregated table: one row a configuration, mean ± half-width and n, only the columns that differ."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.aggregate import headline, incomplete_runs, mixtures, null_distribution
from analysis.formatting import (
    estimate_text,
    markdown_grid,
    markdown_text,
    number_text,
    printable,
    shortened,
    text_grid,
    value_text,
    wrapped,
)
from analysis.load import Records

WIDTH = 80

_SHORT = {"clean_accuracy": "clean", "corrupted_accuracy": "corrupted", "relative_robustness": "relative"}
"""Heads that keep the default table to two blocks of 80 columns; the footer says what they are."""


def cells(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> tuple[list[str], list[str], list[list[str]]]:
    """The table as text.

    Returns:
        Names of the columns that tell configurations apart (``complete`` last), heads of the metric columns, and one
        row a configuration: its values, then its estimates. A cell whose n is not the row's number of complete runs
        says so.
    """
    configurations = records.configurations
    frame = headline(records, metrics).set_index(["configuration", "metric"])
    names = [*configurations.shown.columns, "n"]
    heads = [head(name) for name in metrics]
    rows = []
    for _, row in configurations.table.iterrows():
        key = row["configuration"]
        estimates = [frame.loc[(key, name)] for name in metrics]
        n = max((int(e["n"]) for e in estimates), default=0)
        count = str(n) if row["complete"] == row["total"] else f"{n} of {row['total']}"
        texts = [_cell(e, name, n) for e, name in zip(estimates, metrics, strict=True)]
        rows.append([*configurations.shown.loc[key].tolist(), count, *texts])
    return names, heads, rows


def head(name: str) -> str:
    """Column head of a metric, with % where its values are shown so."""
    described = metric.describe(name)
    return _SHORT.get(name, described.label) + (" %" if described.unit == "fraction" else "")


def _cell(estimate: pd.Series, name: str, n: int) -> str:
    text = estimate_text(estimate["mean"], estimate["half_width"], metric.describe(name).unit)
    return text if estimate["n"] in (n, 0) else f"{text} (n={estimate['n']})"


def terminal(records: Records, metrics: Sequence[str] = metric.DEFAULT, width: int = WIDTH) -> str:
    """The table for a terminal of ``width`` columns: metric columns are wrapped into blocks that fit."""
    names, heads, rows = cells(records, metrics)
    left = len(names)
    room = max(12, (width - 34) // max(left - 1, 1))
    names = [shortened(name, room) for name in names]
    rows = [[shortened(v, room) if i < left - 1 else v for i, v in enumerate(row)] for row in rows]
    widths = [max(len(row[i]) for row in [[*names, *heads], *rows]) for i in range(left + len(heads))]
    lines = [*counts(records), ""]
    for block in _blocks(widths[left:], width - sum(widths[:left]) - 2 * left):
        chosen = [*range(left), *(left + i for i in block)]
        header = [[*names, *heads][i] for i in chosen]
        lines += [*text_grid(header, [[row[i] for i in chosen] for row in rows], left), ""]
    for sentence in footer(records, metrics):
        lines += wrapped(sentence, width)
    return "\n".join(lines)


def markdown(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> str:
    """The table in Markdown; values are escaped."""
    names, heads, rows = cells(records, metrics)
    grid = markdown_grid([*names, *heads], rows, len(names) - 1)
    # An unescaped line of a reason could open a list or a heading; one paragraph each cannot.
    notes = [markdown_text(line) for line in [*counts(records), *footer(records, metrics)]]
    return "\n".join([*grid, "", *"\n\n".join(notes).splitlines()])


def counts(records: Records) -> list[str]:
    """How many runs are complete, and each of the others by name, with status and reason."""
    runs = records.configurations.runs
    missing = incomplete_runs(records)
    number = len(records.configurations.table)
    plural = "configuration" if number == 1 else "configurations"
    done = f"{len(runs) - len(missing)} of {len(runs)} runs complete, {number} {plural}."
    lines = [f"{printable(records.name)}: {done}"]
    for _, row in missing.iterrows():
        lines.append("  " + reason(row))
    return [*lines, *mixtures(records)]


def reason(row: pd.Series) -> str:
    """``NAME: STATUS (why)`` of a run that did not complete."""
    detail = value_text(row["status_detail"])
    return f"{value_text(row['run_name'])}: {value_text(row['status'])}" + ("" if detail == "–" else f" ({detail})")


def footer(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> list[str]:
    """What the numbers are, in words: interval, split, and for each SSR its reference, normalization and null."""
    sentences = [
        "mean ± half-width of the 95% Student-t interval over n seeds (complete runs only; '2 of 3': one of "
        "three did not complete); n = 1 has no interval and ranks nothing. Accuracies: test split, in %."
    ]
    if any(name in ("corrupted_accuracy", "relative_robustness", "drop") for name in metrics):
        sentences.append(
            "Corrupted: mean over the corruptions of the mean over their severities. "
            "Relative (robustness): corrupted / clean accuracy."
        )
    chosen = [name for name in metrics if name.startswith("ssr/")]
    if chosen:
        sentences.append(
            "SSR = (H_ref - H) / H_ref after the last epoch; positive: less high-frequency power than the reference "
            "state (init: before the first update). Its head says LAYER NORMALIZATION/REFERENCE."
        )
        sentences += _null_sentences(records, chosen)
    return sentences


def _null_sentences(records: Records, names: Sequence[str]) -> list[str]:
    null = null_distribution(records)
    parts = []
    for name in names:
        layer, normalization, reference = name.removeprefix("ssr/").rsplit("/", 2)
        rows = null[(null["position"] == layer) & (null["normalization"] == normalization)]
        if reference == "init" and len(rows):
            low, high = number_text(rows["low"].min(), "1"), number_text(rows["high"].max(), "1")
            parts.append(f"{layer} {normalization} {low} to {high}")
    text = "SSR between two random initialisations (null, 95% of draws): " + "; ".join(parts) + "."
    return [text] if parts else []


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Indices of columns, split into runs whose widths (with 2 spaces between columns) fit into ``room``."""
    blocks: list[list[int]] = []
    used = room + 1
    for i, width in enumerate(widths):
        if used + width > room:
            blocks.append([])
            used = 0
        blocks[-1].append(i)
        used += width + 2
    return blocks
