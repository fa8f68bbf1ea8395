"""The aggregated table as text: a row for each configuration or group, mean ± half-width and n, what differs only."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.aggregate import incomplete_runs, missing_seeds, mixtures
from analysis.configuration import PREFIX
from analysis.formatting import (
    LATEX_HEAD,
    estimate_text,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    number_text,
    printable,
    value_text,
    wrapped,
)
from analysis.frames.ssr import null_distribution, null_words
from analysis.layout import fitted
from analysis.load import Records
from analysis.rows import Rows, by_configuration
from analysis.statistics.paired import spreads
from analysis.statistics.sampling_error import sampling_error

WIDTH = 80
LONG = 60
"""From this many rows on, the terminal says how to ask for fewer."""
MOST_INCOMPLETE = 12

_SHORT = {"clean_accuracy": "clean", "corrupted_accuracy": "corrupted", "relative_robustness": "relative"}
"""Heads that keep the default table to two blocks of 80 columns; the footer says what they are."""


def cells(
    records: Records, metrics: Sequence[str] = metric.DEFAULT, rows: Rows | None = None
) -> tuple[list[str], list[str], list[list[str]]]:
    """The table as text.

    Args:
        rows: what the table shows; one row a configuration if left out.

    Returns:
        Names of the columns that tell rows apart (``n`` last; of groups also ``runs``), heads of the metric columns,
        and one row of texts for each of ``rows``: its values, then its estimates. A cell whose n is not the row's
        says so.
    """
    rows = rows or by_configuration(records, metrics)
    n = pd.concat([rows.column(name, "n") for name in rows.metrics], axis=1).max(axis=1).astype(int)
    whole = rows.complete == rows.total
    some = rows.complete.astype(str) + " of " + rows.total.astype(str)
    if rows.pooled:
        counted = {"runs": rows.complete.astype(str).where(whole, some).tolist(), "n": n.astype(str).tolist()}
    else:
        counted = {"n": n.astype(str).where(whole, n.astype(str) + " of " + rows.total.astype(str)).tolist()}
    columns = [*(rows.keys[key].tolist() for key in rows.keys), *counted.values()]
    columns += [_column(rows, name, n.tolist()) for name in rows.metrics]
    names = [*map(printable, rows.keys.columns), *counted]
    return names, [head(name) for name in rows.metrics], [list(row) for row in zip(*columns, strict=True)]


def _column(rows: Rows, name: str, expected: Sequence[int]) -> list[str]:
    """Texts of one metric: mean ± half-width, the cell's own n where it differs from the row's, a star for a mark."""
    unit = metric.describe(name).unit
    columns = (rows.column(name, statistic).tolist() for statistic in ("mean", "half_width", "n"))
    texts = []
    for mean, half_width, n, whole in zip(*columns, expected, strict=True):
        text = estimate_text(mean, half_width, unit)
        texts.append(text if n in (whole, 0) else f"{text} (n={n})")
    if rows.marks is None:
        return texts
    marks = rows.marks.xs(name, level="metric").reindex(rows.keys.index) != ""
    blank = "  " if marks.any() else ""  # keeps the numbers below each other
    return [text + (" *" if mark else blank) for text, mark in zip(texts, marks, strict=True)]


def head(name: str) -> str:
    """Column head of a metric, with % where its values are shown so."""
    described = metric.describe(name)
    return printable(_SHORT.get(name, described.label)) + (" %" if described.unit == "fraction" else "")


def terminal(
    records: Records,
    metrics: Sequence[str] = metric.DEFAULT,
    width: int = WIDTH,
    rows: Rows | None = None,
    limit: int | None = None,
) -> str:
    """The table for a terminal of ``width`` columns: metric columns are wrapped into blocks that fit.

    Args:
        limit: the most rows that are shown.
    """
    rows = rows or by_configuration(records, metrics)
    shown = rows.taken(rows.keys.index[:limit])
    names, heads, texts = cells(records, metrics, shown)
    lines = [line for text in counts(records, MOST_INCOMPLETE) for line in wrapped(text, width)]
    lines += ["", *fitted(names, heads, texts, [printable(label) for label in shown.label], width)]
    sentences = [*_length(rows, limit), *footer(records, rows.metrics, shown)]
    return "\n".join(lines + [line for sentence in sentences for line in wrapped(sentence, width)])


def _length(rows: Rows, limit: int | None) -> list[str]:
    """What is left out, and how to ask for less where the table is long."""
    total = len(rows.keys)
    if limit is not None and limit < total:
        return [f"{limit} of {total} rows (--limit)."]
    if total < LONG:
        return []
    return [
        f"{total} rows: choose some with --where KEY=VALUE, pool them with --group KEY, order them with --sort COLUMN, "
        "cut them with --limit N."
    ]


def markdown(records: Records, metrics: Sequence[str] = metric.DEFAULT, rows: Rows | None = None) -> str:
    """The table in Markdown; values are escaped."""
    rows = rows or by_configuration(records, metrics)
    names, heads, texts = cells(records, metrics, rows)
    grid = markdown_grid([*names, *heads], texts, len(names) - 1)
    # An unescaped line of a reason could open a list or a heading; one paragraph each cannot.
    notes = [markdown_text(line) for line in [*counts(records), *footer(records, rows.metrics, rows)]]
    return "\n".join([*grid, "", *"\n\n".join(notes).splitlines()])


def latex(records: Records, metrics: Sequence[str] = metric.DEFAULT, rows: Rows | None = None) -> str:
    """The table as a LaTeX tabular (package booktabs); values are escaped, the notes stand below as comments."""
    rows = rows or by_configuration(records, metrics)
    names, heads, texts = cells(records, metrics, rows)
    grid = latex_grid([*names, *heads], texts, len(names) - 1)
    notes = [f"% {latex_text(line)}" for line in [*counts(records), *footer(records, rows.metrics, rows)]]
    return "\n".join([LATEX_HEAD, *grid, *notes])


def counts(records: Records, most: int | None = None) -> list[str]:
    """How many runs are complete, and each of the others by name, with status and reason; how many are damaged.

    Args:
        most: how many of the others are named; all of them if left out.
    """
    runs = records.configurations.runs
    missing = incomplete_runs(records)
    number = len(records.configurations.table)
    plural = "configuration" if number == 1 else "configurations"
    lost = records.damaged_runs
    # Of a filtered sweep nobody knows whether a run that cannot be read would belong to it.
    total = len(runs) + (0 if records.partial else lost)
    damaged = f", {lost} damaged{' (any of these rows may lack them)' if records.partial else ''}" if lost else ""
    done = f"{len(runs) - len(missing)} of {total} runs complete{damaged}, {number} {plural}."
    lines = [f"{printable(records.name)}: {done}"]
    lines += ["  " + reason(row) for _, row in missing.head(len(missing) if most is None else most).iterrows()]
    if most is not None and len(missing) > most:
        lines.append(f"  and {len(missing) - most} more: table --runs --where status!=complete")
    return [*lines, *map(_sentence, missing_seeds(records)), *mixtures(records)]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason(row: pd.Series) -> str:
    """``NAME: STATUS (why)`` of a run that did not complete."""
    detail = value_text(row["status_detail"])
    return f"{value_text(row['run_name'])}: {value_text(row['status'])}" + ("" if detail == "–" else f" ({detail})")


def footer(records: Records, metrics: Sequence[str] = metric.DEFAULT, rows: Rows | None = None) -> list[str]:
    """What the numbers are, in words: interval, split, and for each SSR its reference, normalization and null."""
    sentences = [*rows.notes, *rows.pooled] if rows is not None else []
    bootstrapped = rows is not None and (rows.estimates["method"] == "bca").any()
    interval = "95% Student-t interval" + (
        " (from 20 seeds on half the BCa bootstrap interval)" if bootstrapped else ""
    )
    sentences.append(
        f"mean ± half-width of the {interval} over n seeds (complete runs only; '2 of 3': one of "
        "three did not complete); n = 1 has no interval and ranks nothing."
        + (f" Accuracies: {split}, in %." if (split := metric.accuracies_note(metrics)) else "")
    )
    sentences += [*map(_sentence, missing_seeds(records)), *_equal_sentences(rows), *_mark_sentences(rows)]
    if any(name in ("corrupted_accuracy", "relative_robustness", "drop") for name in metrics):
        sentences.append(
            "Corrupted: mean over the corruptions of the mean over their severities. "
            "Relative (robustness): corrupted / clean accuracy."
        )
    if any(map(metric.of_functions, metrics)):
        sentences.append(
            "MSE: mean squared error after the last epoch; training MSE while the weights move. Explained variance K: "
            "1 - |f_k - y_k|^2 / |y_k|^2, the share of the function's part of frequency K that is fitted (1 all of it, "
            "below 0 worse than nothing)."
        )
    if "clean_accuracy" in metrics:
        sentences += _sampling_sentences(records)
    chosen = [name for name in metrics if name.startswith("ssr/")]
    if chosen:
        sentences.append(
            "SSR = (H_ref - H) / H_ref after the last epoch; positive: less high-frequency power than the reference "
            "state (init: before the first update). Its head says LAYER NORMALIZATION/REFERENCE."
        )
        sentences += _null_sentences(records, chosen)
    return sentences


def constants(records: Records) -> list[str]:
    """In words, every choice in which all configurations agree, or that follows from another choice."""
    choices = records.configurations.choices
    rest = sorted(str(c) for c in choices if c not in records.configurations.differing)
    listed = [
        f"{printable(c.removeprefix(PREFIX))}={' or '.join(dict.fromkeys(map(value_text, choices[c])))}" for c in rest
    ]
    return ["The same in all, or following from what differs: " + ", ".join(listed) + "."] if listed else []


def _equal_sentences(rows: Rows | None) -> list[str]:
    """What an interval of width 0 is, where one is shown."""
    columns = [[rows.column(name, c) for c in ("sd", "mean")] for name in rows.metrics] if rows is not None else []
    if not any((sd.notna() & ~spreads(sd.to_numpy(float), mean.abs().to_numpy(float))).any() for sd, mean in columns):
        return []
    return [
        "± 0: these seeds gave equal values (accuracies are multiples of 1/images); that is no evidence of no spread."
    ]


def _mark_sentences(rows: Rows | None) -> list[str]:
    if rows is None or rows.marks is None:
        return []
    scope = " of its data set" if len(set(rows.context)) > 1 else ""
    if not (rows.marks != "").any():
        return [
            "No row is marked: with these seeds none is shown to be worse than another (single seeds rank nothing)."
        ]
    return [
        f"*: may be the best{scope}: no other row is shown to be better (paired by seed, Holm's correction over all "
        "pairs, .05); rows with * cannot be told apart by these seeds. SSRs have no better or worse and no mark."
    ]


def _sampling_sentences(records: Records) -> list[str]:
    """The other spread of an accuracy: what another test set of the same size would change."""
    found = records.sql(
        "SELECT n, favg(accuracy) AS accuracy FROM robustness JOIN runs USING (run_id) "
        "WHERE runs.status = 'complete' AND split = 'test' AND severity = 0 AND accuracy BETWEEN 0 AND 1 AND n > 0 "
        "GROUP BY n ORDER BY n"
    )
    if found.empty:
        return []
    half_width = sampling_error(found["accuracy"].to_numpy(), found["n"].to_numpy())["half_width"]
    rows = zip(half_width, found["accuracy"], found["n"], strict=True)
    parts = [f"± {100 * h:.2f} at {100 * a:.2f} % on {n} images" for h, a, n in rows]
    return [
        f"Test images: the clean accuracy of one network has a 95% sampling half-width of {'; '.join(parts)}, which "
        "more seeds do not shrink; differences on the same images (compare) are free of most of it."
    ]


MOST_NULLS = 6
NULL_KEYS = ["position", "layer", "normalization", "low", "high", "n"]


def _null_sentences(records: Records, names: Sequence[str]) -> list[str]:
    parsed = [name.removeprefix("ssr/").rsplit("/", 2) for name in names]
    wanted = list(dict.fromkeys((layer, kind) for layer, kind, reference in parsed if reference == "init"))
    if not wanted:
        return []
    layers, kinds = (list(dict.fromkeys(column)) for column in zip(*wanted, strict=True))
    null = null_distribution(records, layers, kinds)
    by_context = {
        str(context): "; ".join(
            f"{printable(r.position)} {r.normalization} {number_text(r.low, '1')} to {number_text(r.high, '1')}"  # type: ignore[arg-type]
            f" ({null_words([r.n])})"  # type: ignore[list-item]
            for layer, kind in wanted
            for r in rows[(rows["position"] == layer) & (rows["normalization"] == kind)].itertuples()
        )
        for context, rows in null.drop_duplicates(["context", *NULL_KEYS]).groupby("context", sort=False)
    }
    alike: dict[str, list[str]] = {}  # contexts with one network share its null
    for context, ranges in by_context.items():
        alike.setdefault(ranges, []).append(printable(context))
    named = {
        ranges: " and ".join([*contexts[:2], *([f"{len(contexts) - 2} more"] if len(contexts) > 2 else [])]) + ": "
        for ranges, contexts in alike.items()
    }
    texts = [(name if len(named) > 1 else "") + ranges for ranges, name in named.items()]
    more = f" | and those of {len(texts) - MOST_NULLS} more networks" if len(texts) > MOST_NULLS else ""
    text = "SSR between two random initialisations (null): " + " | ".join(texts[:MOST_NULLS]) + more + "."
    return [text] if texts else []
