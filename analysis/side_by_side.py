"""A few runs beside each other: what differs in their configurations and in what they measured."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis import metric
from analysis.configuration import PREFIX, SEED
from analysis.formatting import (
    LATEX_HEAD,
    estimate_text,
    is_missing,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    number_text,
    printable,
    value_text,
    wrapped,
)
from analysis.layout import fitted
from analysis.load import AnalysisError, Records, load
from analysis.table import head

MOST = len(string.ascii_uppercase)


def is_run(path: Path) -> bool:
    """Whether a folder is that of a single run."""
    return (path / "run.parquet").is_file()


def loaded(paths: Sequence[Path]) -> list[Records]:
    """The records of each run.

    Raises:
        AnalysisError: a folder cannot be read, or there are more of them than letters to call them by.
    """
    if len(paths) > MOST:
        raise AnalysisError(
            f"{len(paths)} runs beside each other: at most {MOST} fit. Give the sweep's folder instead."
        )
    return [load(path) for path in paths]


def names(paths: Sequence[Path]) -> dict[str, str]:
    """A letter for each run, and the name of its folder (the path where two are called the same)."""
    last = [path.resolve().name for path in paths]
    texts = last if len(set(last)) == len(last) else list(map(str, paths))
    return {letter: printable(text) for letter, text in zip(string.ascii_uppercase, texts, strict=False)}


def choices(runs: Sequence[Records]) -> pd.DataFrame:
    """What differs in the configurations: index the key (``seed`` and ``status`` among them), a column a run, text."""
    rows = [records["run"].iloc[0] for records in runs]
    keys = sorted(
        {str(c) for row in rows for c in row.index if str(c).startswith(PREFIX)}, key=lambda c: (c == SEED, c)
    )
    texts = {key: [value_text(row.get(key)) for row in rows] for key in [*keys, "status"]}
    differing = {key.removeprefix(PREFIX): texts[key] for key in texts if len(set(texts[key])) > 1}
    letters = list(string.ascii_uppercase[: len(runs)])
    return pd.DataFrame.from_dict(differing, orient="index", columns=letters)


def default_metrics(runs: Sequence[Records]) -> list[str]:
    """The default table's metrics, training, and the mean accuracy under every corruption that a run was tested on."""
    found = [
        name for records in runs for name in records.sql("SELECT DISTINCT corruption FROM corrupted")["corruption"]
    ]
    robust = [f"accuracy/{name}" for name in sorted(set(found))]
    fitted = dict.fromkeys(name for records in runs for name in metric.headline(records) if name not in metric.DEFAULT)
    if not any(set(metric.DEFAULT) & set(metric.headline(records)) for records in runs):
        return list(fitted)
    return [*metric.DEFAULT[:1], "validation_accuracy", "train_accuracy", "clean_loss", *metric.DEFAULT[1:3], *robust,
            *metric.DEFAULT[3:], *fitted]  # fmt: skip


def measured(runs: Sequence[Records], metrics: Sequence[str]) -> pd.DataFrame:
    """What was measured: metric, a column a run (A, B, ...), and the difference of every further run from A (``B-A``).

    Raises:
        AnalysisError: none of the runs can have a metric of that name.
    """
    metric.check(runs, metrics)
    columns: dict[str, list[float]] = {}
    for letter, records in zip(string.ascii_uppercase, runs, strict=False):
        listed = ", ".join(map(metric.quoted, metrics))
        values = records.sql(
            f"SELECT metric, favg(value) AS value FROM metrics WHERE metric IN ({listed}) GROUP BY metric"
        )
        columns[letter] = values.set_index("metric")["value"].reindex(list(metrics)).astype(float).tolist()
    frame = pd.DataFrame({"metric": list(metrics), **columns})
    for letter in list(columns)[1:]:
        frame[f"{letter}-A"] = frame[letter] - frame["A"]
    return frame


def text(
    paths: Sequence[Path], runs: Sequence[Records], metrics: Sequence[str], form: str = "terminal", width: int = 80
) -> str:
    """Both tables and what they allow to say, for a terminal of ``width`` columns, in Markdown or in LaTeX."""
    notes = [f"{letter}: {path}" for letter, path in names(paths).items()]
    differing, values = _choice_cells(choices(runs)), cells(measured(runs, metrics))
    if not differing[1]:
        notes.append("The configurations are equal, the seed too.")
    grids = [grid for grid in (differing, values) if grid[1]]
    if form == "latex":
        lines = [LATEX_HEAD] + [line for grid in grids for line in [*latex_grid(*grid), ""]]
        return "\n".join(lines + [f"% {latex_text(sentence)}" for sentence in [*notes, *footer(runs, metrics)]])
    if form == "markdown":
        lines = [line for grid in grids for line in [*markdown_grid(*grid), ""]]
        return "\n".join(lines + "\n\n".join(map(markdown_text, [*notes, *footer(runs, metrics)])).splitlines())
    lines = [line for note in notes for line in wrapped(note, width)] + [""]
    for header, rows in grids:
        lines += fitted(header[:1], header[1:], rows, [row[0] for row in rows], width, counted=0)
    return "\n".join(lines + [line for sentence in footer(runs, metrics) for line in wrapped(sentence, width)])


def _choice_cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    rows = [[printable(str(key)), *row] for key, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)]
    return ["differing", *frame.columns], rows


def cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows of text of the frame of :func:`measured`; metrics that no run has are left out."""
    rows = []
    for row in frame.to_dict("records"):
        name, values = str(row["metric"]), {str(k): v for k, v in row.items() if k != "metric"}
        if all(is_missing(value) for value in values.values()):
            continue
        unit = metric.describe(name).unit
        texts = [
            estimate_text(value, float("nan"), unit, signed=True) if "-" in key else number_text(value, unit)
            for key, value in values.items()
        ]
        rows.append([head(name), *texts])
    heads = [str(c).replace("-", " - ") for c in frame.columns]
    return heads, rows


def footer(runs: Sequence[Records], metrics: Sequence[str]) -> list[str]:
    """What a comparison of single runs can and cannot say."""
    split = metric.accuracies_note(metrics)
    incomplete = [r for r in runs if r["run"]["status"].iloc[0] != "complete"]
    sentences = [
        "n = 1: one run each, so no interval, no test and no ranking: a difference between single runs cannot be told "
        "from the luck of the seed. For differences with intervals compare sweeps of at least 3 seeds."
        + (f" Accuracies: {split}, in %; their differences in percentage points." if split else "")
    ]
    if incomplete:
        sentences.append("Caution: a run that is not complete measured what it is in the middle of.")
    return sentences
