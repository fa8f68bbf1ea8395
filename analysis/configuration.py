"""What was varied: which configuration columns differ, which runs share a configuration, and what to call it.

A *configuration* is every ``config.*`` column but ``config.seed`` and what changes no metric; runs that share it are
replications. Its label is made only from what differs among the runs at hand. Nested columns (``config.optimizer.lr``
under ``config.optimizer``) count as different only where they differ among runs that agree in the enclosing choice:
that dropout runs have no weight-decay strength follows from ``regularizer`` and is not a second difference. A
regularizer's own strength (the column that bears its name, as in ``config.regularizer.weight_decay``) is always part of
its label. A run that does not say which regularizer it had is called ``unknown``: it is no run without one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.formatting import is_missing, value_text

PREFIX = "config."
SEED = "config.seed"
REGULARIZER = "config.regularizer"
UNKNOWN = "unknown"
"""The regularizer of a run whose record names none, not even ``none``."""
BEFORE = {
    "config.corruption.gaussian_blur.border": "reflect",
    "config.diagnostic": "{}",
    "config.evaluation.eight_bit": False,
    "config.model.activation": "relu",
    "config.model.norm": "batch",
    "config.standardize_input": True,
}
"""What a record means that lacks a column which came later, where it does not mean "none"."""
IMMATERIAL = ("config.evaluation.batch_size", "config.probe.kernel_spectrum.null_draws")
"""Columns that change no metric of a run: how many images a forward pass holds, how often the null is drawn."""


@dataclass(frozen=True)
class Configurations:
    """The configurations among some runs.

    Attributes:
        runs: one row a run: run_id, run_name, configuration (label), seed (text), status, status_detail.
        table: one row a configuration in display order: configuration (unique label), context (what differs beside the
            regularizer, as text), label (the regularizer's), regularizer (its name), strength (NULL if it has none),
            order, total and complete (numbers of runs).
        shown: index configuration, one text column for each differing choice: what a table displays.
        choices: index configuration, the raw ``config.*`` columns without the seed.
        differing: names of the differing ``config.*`` columns.
    """

    runs: pd.DataFrame
    table: pd.DataFrame
    shown: pd.DataFrame
    choices: pd.DataFrame
    differing: tuple[str, ...]


def config_columns(run: pd.DataFrame) -> list[str]:
    """The ``config.*`` columns that make a configuration: all but the seed and :data:`IMMATERIAL`."""
    return [str(c) for c in run.columns if str(c).startswith(PREFIX) and c != SEED and c not in IMMATERIAL]


def enclosing(column: str, columns: Sequence[str]) -> str | None:
    """The nearest choice a nested column belongs to: ``config.model`` for ``config.model.width``; None at top level."""
    parent = column.rpartition(".")[0]
    while parent and parent != PREFIX.rstrip("."):
        if parent in columns:
            return parent
        parent = parent.rpartition(".")[0]
    return None


def differing_columns(run: pd.DataFrame) -> list[str]:
    """``config.*`` columns whose values (NULL is one) differ among runs that agree in the enclosing choice."""
    columns = config_columns(run)
    differing = []
    for column in columns:
        parent = enclosing(column, columns)
        if parent is None:
            distinct = run[column].nunique(dropna=False)
        else:
            distinct = run.groupby(parent, dropna=False)[column].nunique(dropna=False).max()
        if distinct > 1:
            differing.append(column)
    return differing


def strengths(values: Mapping[str, object] | pd.Series) -> dict[str, float]:
    """Strength of each part of a regularizer (``a+b`` has two): the numeric column under it that bears its name."""
    return {part: float(_number(values[column]) or 0) for part, column in _strength_columns(values).items()}


def unregularized(values: Mapping[Any, object] | pd.Series) -> bool:
    """Whether a configuration is without regularization: ``none``, or strength 0 in every part.

    A part without a strength, such as masks, is on: with weight decay of strength 0 they are no baseline.
    """
    name, found = _regularizer(values), strengths(values)
    return name == "none" or (set(found) == set(name.split("+")) and not any(found.values()))


def _strength_columns(values: Mapping[str, object] | pd.Series) -> dict[str, str]:
    found: dict[str, str] = {}
    under = [str(column) for column in values.keys() if str(column).startswith(REGULARIZER + ".")]  # noqa: SIM118
    for part in _regularizer(values).split("+"):
        for column in under:
            if column.rpartition(".")[2] == part and _number(values[column]) is not None:
                found[part] = column
                break
    return found


def _number(value: object) -> float | None:
    """A number, also one in a column that holds text because another run has text there; None for anything else."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return float(value) if number and not is_missing(value) else None  # type: ignore[arg-type]


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def _regularizer(values: Mapping[str, object] | pd.Series) -> str:
    """Name of the regularizer; :data:`UNKNOWN` where the record does not say."""
    name = values.get(REGULARIZER)
    return UNKNOWN if is_missing(name) else str(name)


def configurations(run: pd.DataFrame) -> Configurations:
    """Group the rows of the ``run`` table by configuration and name each group.

    Args:
        run: the ``run`` table, one row a run.

    Returns:
        The configurations; labels are unique, ``none`` comes first, then names and strengths in ascending order.
    """
    run = _as_meant(run)
    columns = config_columns(run)
    differing = differing_columns(run)
    keys = _groups(run, differing)
    first = ~keys.duplicated()
    values = run.loc[first, columns].astype(object)
    rows: list[dict[str, Any]] = values.to_dict("records")  # type: ignore[assignment]
    texts: list[dict[str, str]] = _texts(values[_told(columns, differing)]).to_dict("records")  # type: ignore[assignment]
    described = [_describe(row, text, differing, columns) for row, text in zip(rows, texts, strict=True)]
    labels = _unique([str(d["configuration"]) for d in described])
    order = sorted(range(len(labels)), key=lambda i: (described[i]["sort"], labels[i]))
    label_of = dict(zip(keys[first], labels, strict=True))
    runs = _runs(run, keys.map(label_of))
    values.index = pd.Index(labels, name="configuration")
    shown = pd.DataFrame([d["shown"] for d in described], index=values.index).fillna("–")
    table = pd.DataFrame(
        [{"configuration": labels[i], **{k: described[i][k] for k in _TABLE}, "order": n} for n, i in enumerate(order)]
    )
    table["total"] = table["configuration"].map(runs.groupby("configuration").size())
    finished = runs[runs["status"] == "complete"].groupby("configuration").size()
    table["complete"] = table["configuration"].map(finished).fillna(0).astype(int)
    ordered = table["configuration"].tolist()
    return Configurations(runs, table, shown.loc[ordered], values.loc[ordered], tuple(differing))


_TABLE = ("context", "label", "regularizer", "strength")


def _as_meant(run: pd.DataFrame) -> pd.DataFrame:
    """The rows with :data:`BEFORE` where they lack a column that others of the same enclosing choice have."""
    columns = config_columns(run)
    filled: dict[str, pd.Series] = {}
    for name in set(BEFORE) & set(columns):
        lacks = run[name].isna()
        parent = enclosing(name, columns)
        if parent is not None:
            lacks &= run[name].notna().groupby(run[parent], dropna=False).transform("any")
        inside = [column for column in columns if column.startswith(f"{name}.")]
        if inside:
            lacks &= run[inside].isna().all(axis=1)
        filled[name] = run[name].mask(lacks, BEFORE[name])
    return run.assign(**filled)


SIGNIFICANT = 3
"""Digits that a label gives of a number that nobody typed, such as a search's; more where two would look alike."""
TYPED = 6
"""Most significant digits of a number that is taken for typed by hand and shown as it is."""


def _told(columns: Sequence[str], differing: Sequence[str]) -> list[str]:
    """The columns that a label may speak of."""
    named = {*differing, *(enclosing(column, columns) for column in differing)}
    return [column for column in columns if column in named or column.startswith(REGULARIZER)]


def _texts(values: pd.DataFrame) -> pd.DataFrame:
    """How the values of each column are written: numbers of many digits short, and yet different from one another."""
    return pd.DataFrame({column: _written(values[column]) for column in values}, values.index, dtype=object)


def _written(column: pd.Series) -> list[str]:
    texts = [value_text(value) for value in column]
    numbers = [_number(value) for value in column]
    whole = {t: n for t, n in zip(texts, numbers, strict=True) if n is not None and math.isfinite(n)}
    long = {t: n for t, n in whole.items() if float(f"{n:.{TYPED}g}") != n != round(n)}
    short: dict[str, str] = {}
    for digits in range(SIGNIFICANT, 12):
        tried = {t: f"{float(f'{n:.{digits}g}'):.12g}" for t, n in long.items() if t not in short}
        seen = Counter([*tried.values(), *short.values(), *(t for t in set(texts) if t not in long)])
        short |= {t: cut for t, cut in tried.items() if seen[cut] == 1}
    return [short.get(text, text) for text in texts]


def _groups(run: pd.DataFrame, differing: Sequence[str]) -> pd.Series:
    """Number of each run's configuration; runs that agree in what differs agree in everything that follows from it."""
    if not differing:
        return pd.Series(0, run.index)
    return run.groupby(list(differing), dropna=False, sort=False).ngroup()


def _runs(run: pd.DataFrame, configuration: pd.Series) -> pd.DataFrame:
    runs = run[["run_id", "run_name", "status", "status_detail"]].copy()
    runs.insert(2, "configuration", configuration)
    seed = run[SEED].map(value_text) if SEED in run else pd.Series("–", run.index)
    # A run without a seed replicates nothing and is paired with nothing: it is its own unit.
    runs.insert(3, "seed", seed.where(seed != "–", "run " + run["run_id"].astype(str)))
    return runs


def _describe(
    values: Mapping[str, Any], texts: Mapping[str, str], differing: Sequence[str], columns: Sequence[str]
) -> dict[str, object]:
    """Labels and sort key of one configuration, from its raw values and how each is written."""
    label = regularizer_label(values, texts, differing)
    shown: dict[str, str] = {}
    sort: list[tuple[int, float, str]] = []
    for column in differing:
        if column == REGULARIZER or column.startswith(REGULARIZER + "."):
            continue
        parent = enclosing(column, columns)
        text = texts[column]
        name = column.removeprefix(PREFIX)
        if parent in differing:
            inner = f"{column.removeprefix(f'{parent}.')}={text}"
            key = str(parent).removeprefix(PREFIX)
            shown[key] = shown.get(key, texts[str(parent)]) + ("" if text == "–" else f" {inner}")
        else:
            shown[name] = text
        sort.append(_sort_key(values[column]))
    context = " · ".join(_context_part(key, text) for key, text in shown.items())
    strength = strengths(values)
    name = _regularizer(values)
    single = next(iter(strength.values())) if len(strength) == 1 else math.nan
    sort += [(0, 0.0, "") if name == "none" else (1, 0.0, name), *(_sort_key(v) for v in strength.values())]
    return {
        "configuration": " · ".join(part for part in (context, label) if part),
        "context": context,
        "label": label,
        "regularizer": name,
        "strength": single,
        "shown": {**shown, "regularizer": label},
        "sort": sort,
    }


def regularizer_label(values: Mapping[str, Any], texts: Mapping[str, str], differing: Sequence[str]) -> str:
    """``weight_decay 0.001``, ``none``, ``spectral_mask + weight_decay 0.1``, ``spectral_mask (threshold=0.4)``."""
    strength = _strength_columns(values)
    parts = [
        f"{value_text(part)} {texts[strength[part]]}" if part in strength else value_text(part)
        for part in _regularizer(values).split("+")
    ]
    options = [
        f"{c.removeprefix(REGULARIZER + '.')}={texts[c]}"
        for c in differing
        if c.startswith(REGULARIZER + ".") and c.rpartition(".")[2] not in strength and not is_missing(values[c])
    ]
    return " + ".join(parts) + (f" ({', '.join(options)})" if options else "")


def _context_part(key: str, text: str) -> str:
    """Names of models and data sets speak for themselves; every other value is shown with its key."""
    return text if key in ("model", "dataset") else f"{key}={text}"


def _sort_key(value: object) -> tuple[int, float, str]:
    number = float(value) if isinstance(value, bool) else _number(value)
    if number is not None:
        return (0, number, "")
    return (1, 0.0, value_text(value))


def _unique(labels: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        unique.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return unique
