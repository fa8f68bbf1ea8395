"""What a table shows before it is text: a row for each configuration or group, metrics with intervals over seeds."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis import metric
from analysis.configuration import PREFIX, REGULARIZER, SEED
from analysis.filter import FACTS, column_of, values_text
from analysis.formatting import value_text
from analysis.load import AnalysisError, Records
from analysis.statistics.best import best
from analysis.statistics.estimate import summarize

STATISTICS = ["mean", "low", "high", "half_width", "sd", "n", "method"]


@dataclass(frozen=True)
class Rows:
    """The rows of a table.

    Attributes:
        keys: one text column for each thing that tells rows apart; index 0, 1, ... is the order of the rows.
        label: the row in one text, unique; same index.
        choices: raw values of the configuration, columns ``config.*``, same index; what rows are sorted by.
        differing: the columns of ``choices`` that tell rows apart.
        complete, total: numbers of runs, shape (rows,).
        metrics: names of the metrics, the columns.
        replications: what the estimates are made of: row, metric, seed, value.
        estimates: index (row, metric), every pair in order; mean, low, high, half_width, sd (units of the metric),
            n (seeds), method.
        context: index as of ``keys``: rows of one context (data set) are comparable.
        pooled: in words, what a row is a mean over beside seeds.
        notes: further sentences for below the table.
        marks: index as of ``estimates``: "best", "tied" or "", see :func:`analysis.statistics.best.best`.
    """

    keys: pd.DataFrame
    label: pd.Series
    choices: pd.DataFrame
    differing: tuple[str, ...]
    complete: pd.Series
    total: pd.Series
    metrics: tuple[str, ...]
    replications: pd.DataFrame
    estimates: pd.DataFrame
    context: pd.Series
    pooled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    marks: pd.Series | None = None

    def column(self, name: str, statistic: str = "mean") -> pd.Series:
        """A statistic of one metric, indexed as the rows are."""
        return self.estimates[statistic].xs(name, level="metric").reindex(self.keys.index)

    def taken(self, index: pd.Index) -> Rows:
        """Some of the rows, in the order of ``index``."""
        names = ("keys", "label", "choices", "complete", "total", "context")
        return replace(self, **{name: getattr(self, name).loc[index] for name in names})

    def without_empty(self, names: Sequence[str]) -> Rows:
        """Without those of some metrics that no row has a value of.

        Raises:
            AnalysisError: no metric would be left.
        """
        having = set(self.replications["metric"])
        kept = tuple(m for m in self.metrics if m not in names or m in having)
        if not kept:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise AnalysisError(f"no run here has a value of {', '.join(map(value_text, names[:3]))}{more}.")
        return replace(self, metrics=kept)


def metrics_named(records: Records | Sequence[Records], patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of metrics, of these records or some of several, for patterns such as ``accuracy/gaussian_noise/*``.

    Returns:
        All names, each once, and those of them that only a pattern stands for.

    Raises:
        AnalysisError: no run can have a metric of that name, or none fits a pattern.
    """
    wild = [pattern for pattern in patterns if set(pattern) & set("*?[")]
    known = metric.names(records) if wild else []
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = [name for name in known if fnmatch.fnmatchcase(name, pattern)] if pattern in wild else []
        found.update(dict.fromkeys(fitting or [pattern]))
    metric.check(records, list(found))
    return list(found), [name for name in found if name not in patterns]


def by_configuration(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> Rows:
    """One row a configuration, in display order; configurations without a complete run have n = 0.

    Raises:
        AnalysisError: no run can have a metric of that name.
    """
    configurations = records.configurations
    label = configurations.table["configuration"]
    number = pd.Series(range(len(label)), label)
    rows = _rows(records, metrics, number, configurations.shown.reset_index(drop=True))
    return replace(rows, label=label.reset_index(drop=True))


def by_keys(records: Records, keys: Sequence[str], metrics: Sequence[str] = metric.DEFAULT) -> Rows:
    """One row for each combination of the keys' values, pooled over everything else that differs.

    Seeds stay the unit of replication: each seed's value is the mean over the pooled configurations, then mean and
    interval are over seeds. Were the configurations counted as replications, the interval would be that of another
    question, and far too narrow.

    Raises:
        AnalysisError: a key or metric is unknown, or a key is no part of a configuration.
    """
    columns = [column_of(records["run"], key, "--group") for key in keys]
    for key, column in zip(keys, columns, strict=True):
        if column in (SEED, *FACTS):
            why = "seeds are what is averaged over" if column == SEED else "it is no part of a configuration"
            raise AnalysisError(f"--group {key}: {why}. Give keys of the configuration, such as model or regularizer.")
    configurations = records.configurations
    texts = configurations.choices[columns].map(value_text).set_axis([c.removeprefix(PREFIX) for c in columns], axis=1)
    number = texts.groupby(list(texts.columns), sort=False).ngroup()
    rows = _rows(records, metrics, number, texts.drop_duplicates().reset_index(drop=True))
    return replace(
        rows, choices=rows.choices[columns], differing=tuple(columns), pooled=_pooled(records, columns, number)
    )


def _rows(records: Records, metrics: Sequence[str], number: pd.Series, keys: pd.DataFrame) -> Rows:
    """Rows from the number of each configuration's row (index: the configuration)."""
    names = list(dict.fromkeys(metrics))
    metric.check(records, names)
    values = metric.values(records, names)
    values["row"] = values["configuration"].map(number).astype(int)
    pooled = ["row", "metric", "seed"]
    if len(keys) < len(number):
        values = values.groupby(pooled, sort=False)["value"].mean().reset_index()
    estimates = summarize(values, ["row", "metric"]).set_index(["row", "metric"])
    every = pd.MultiIndex.from_product([keys.index, names], names=["row", "metric"])
    estimates = estimates.reindex(every)[STATISTICS]
    estimates["n"] = estimates["n"].fillna(0).astype(int)
    table = records.configurations.table
    runs = table[["complete", "total"]].groupby(table["configuration"].map(number).to_numpy()).sum()
    choices = records.configurations.choices.groupby(number.to_numpy(), sort=False).head(1).reset_index(drop=True)
    label = keys.agg(" · ".join, axis=1) if len(keys.columns) else pd.Series("", keys.index)
    return Rows(
        keys=keys,
        label=label,
        choices=choices,
        differing=records.configurations.differing,
        complete=runs["complete"],
        total=runs["total"],
        metrics=tuple(names),
        replications=values[[*pooled, "value"]],
        estimates=estimates,
        context=choices["config.dataset"].map(value_text) if "config.dataset" in choices else label.map(lambda _: ""),
    )


def _pooled(records: Records, columns: Sequence[str], number: pd.Series) -> tuple[str, ...]:
    """What is pooled, in words, with a caution where seeds are not means over the same configurations."""
    configurations = records.configurations
    rest = [c for c in configurations.differing if c not in columns]
    sizes = number.value_counts()
    if not rest or sizes.max() == 1:
        return ()
    listed = "; ".join(f"{c.removeprefix(PREFIX)} ({values_text(configurations.choices[c], 6)})" for c in rest)
    size = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    words = (
        f"Pooled over {listed}. Each seed's value is the mean over the pooled configurations ({size} a row); "
        "mean, interval and n are over seeds."
    )
    runs = configurations.runs
    done = runs[runs["status"] == "complete"].drop_duplicates(["configuration", "seed"])
    # Which configurations, not how many: seed 0 of one and seed 1 of another would be told apart by what they are.
    filled = done.groupby([done["configuration"].map(number), "seed"])["configuration"].agg(frozenset)
    if filled.eq(filled.groupby(level=0).transform("first")).all():
        return (words,)
    caution = (
        "Caution: not every seed has every pooled configuration (some runs are not complete), so seeds' means differ "
        "also by what is in them."
    )
    return words, caution


def ordered(rows: Rows, column: str) -> Rows:
    """The rows sorted by a metric's mean or a key of the configuration; ``-COLUMN`` descends. Missing ones come last.

    Raises:
        AnalysisError: there is no such column; the message names those that there are.
    """
    name, descending = column.removeprefix("-"), column.startswith("-")
    if name in rows.metrics:
        values = rows.column(name)
    elif name == "n":
        values = rows.complete
    elif PREFIX + name in rows.choices and name != REGULARIZER.removeprefix(PREFIX):
        values = rows.choices[PREFIX + name]
    elif name in rows.keys:
        values = rows.keys[name]
    else:
        valid = ", ".join(map(value_text, [*rows.keys.columns, "n", *rows.metrics]))
        raise AnalysisError(f"--sort: no column '{value_text(name)}'. Columns here: {valid}.")
    numbers = pd.to_numeric(values, errors="coerce")
    textual = numbers.notna().sum() < values.notna().sum()
    values = values.astype("str").where(values.notna()) if textual else numbers
    return rows.taken(values.sort_values(ascending=not descending, na_position="last", kind="stable").index)


def marked(rows: Rows) -> Rows:
    """With marks for the rows that may be the best of their context, metric by metric; none at n = 1.

    Only metrics with a direction are marked. See :func:`analysis.statistics.best.best` for what a mark means.
    """
    marks = pd.Series("", rows.estimates.index)
    values = rows.replications.assign(context=rows.replications["row"].map(rows.context))
    for (name, _), part in values.groupby(["metric", "context"], sort=False):
        larger = metric.larger_is_better(str(name))
        if larger is None:
            continue
        found = best(part, ["row"], larger)
        found = found[found != ""]
        places = pd.MultiIndex.from_product([found.index, [name]])
        marks.loc[places] = found.to_numpy()
    return replace(rows, marks=marks)


def frame(rows: Rows, *, everything: bool = False) -> pd.DataFrame:
    """The rows as a long frame for other programs: one row for each row of the table and each metric.

    Args:
        everything: also the choices in which all rows agree.

    Returns:
        configuration (the row in one text); the choices that differ, raw (``config.*``); complete and total (runs);
        metric, unit (fraction, nat, mse, s or 1), :data:`STATISTICS` at full precision in that unit; mark where rows
        are marked.
    """
    columns = list(rows.choices) if everything else list(rows.differing)
    left = rows.choices[columns].infer_objects()
    left.insert(0, "configuration", rows.label)
    left = left.assign(complete=rows.complete, total=rows.total)
    index = pd.MultiIndex.from_product([rows.keys.index, rows.metrics], names=["row", "metric"])
    right = rows.estimates.loc[index].reset_index(level="metric").reset_index(drop=True)
    right.insert(1, "unit", right["metric"].map({name: metric.describe(name).unit for name in rows.metrics}))
    if rows.marks is not None:
        right["mark"] = rows.marks.loc[index].to_numpy()
    repeated = left.iloc[np.repeat(np.arange(len(left)), len(rows.metrics))].reset_index(drop=True)
    return pd.concat([repeated, right], axis=1)
