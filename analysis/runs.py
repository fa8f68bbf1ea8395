"""One row a run: where it lies, how it ended, what it measured. Answers "which run is the outlier?"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import metric
from analysis.configuration import PREFIX
from analysis.formatting import MISSING, number_text, printable, value_text
from analysis.load import AnalysisError, Records
from analysis.table import head
from frequency_reg.records import run_directories

FACTS = ["directory", "run_id", "run_name", "configuration", "seed", "status", "status_detail"]


def listing(records: Records, metrics: Sequence[str] = metric.DEFAULT, folders: Sequence[Path] = ()) -> pd.DataFrame:
    """Every run, complete or not, in display order of the configurations.

    Args:
        folders: where the runs lie; a run whose folder is not found among them has no directory.

    Returns:
        :data:`FACTS` (directory relative to the folder it was found in), the differing choices (``config.*``), and a
        column for each metric; missing where the run has no such value.

    Raises:
        AnalysisError: no run can have a metric of that name.
    """
    metric.check(records, metrics)
    configurations = records.configurations
    runs = configurations.runs.merge(configurations.table[["configuration", "order"]], on="configuration")
    runs = runs.sort_values(["order", "seed", "run_name"], kind="stable", ignore_index=True)
    runs["directory"] = runs["run_name"].map(_directories(folders))
    choices = configurations.choices.loc[runs["configuration"], list(configurations.differing)].infer_objects()
    values = records.sql(
        f"SELECT run_id, metric, favg(value) AS value FROM metrics "
        f"WHERE metric IN ({', '.join(map(metric.quoted, metrics))}) GROUP BY ALL"
    )
    wide = values.pivot_table(index="run_id", columns="metric", values="value").reindex(columns=list(metrics))
    measured = wide.reindex(runs["run_id"]).reset_index(drop=True).astype(float)
    return pd.concat([runs[FACTS], choices.reset_index(drop=True), measured], axis=1)


def _directories(folders: Sequence[Path]) -> dict[str, str]:
    """Run folders by name, relative to where they were looked for; names that occur twice tell nothing."""
    found: dict[str, list[str]] = {}
    for root in folders:
        for directory in run_directories(root):
            relative = str(directory.relative_to(root))
            found.setdefault(directory.resolve().name, []).append(directory.name if relative == "." else relative)
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def ordered(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The runs sorted by a column (a key without ``config.``); ``-COLUMN`` descends. Missing values come last.

    Raises:
        AnalysisError: there is no such column; the message names those that there are.
    """
    name = column.removeprefix("-")
    found = next((c for c in (name, PREFIX + name) if c in frame), None)
    if found is None:
        valid = ", ".join(value_text(str(c).removeprefix(PREFIX)) for c in frame)
        raise AnalysisError(f"--sort: no column '{value_text(name)}'. Columns here: {valid}.")
    numbers = pd.to_numeric(frame[found], errors="coerce")
    values = numbers if numbers.notna().sum() == frame[found].notna().sum() else frame[found].astype("str")
    order = values.sort_values(ascending=not column.startswith("-"), na_position="last", kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def cells(frame: pd.DataFrame, metrics: Sequence[str]) -> tuple[list[str], list[str], list[list[str]]]:
    """The listing as text: names of the columns that tell runs apart, heads of the metrics, one row of texts a run."""
    place = frame["directory"].fillna(frame["run_name"])
    columns = [place.map(value_text), *(frame[c].map(value_text) for c in ("configuration", "seed", "status"))]
    units = [metric.describe(name).unit for name in metrics]
    columns += [
        frame[name].map(lambda value, unit=unit: number_text(value, unit))
        for name, unit in zip(metrics, units, strict=True)
    ]
    names = ["run", "configuration", "seed", "status"]
    return names, [head(name) for name in metrics], [list(row) for row in zip(*columns, strict=True)]


def footer(frame: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """What the values are, and for each metric the run that lies farthest from the other seeds of its configuration."""
    split = metric.accuracies_note(metrics)
    accuracies = f"Accuracies: {split}, in %. " if split else ""
    sentences = [f"One row a run. {accuracies}A run that did not complete has no place in any mean."]
    parts = [text for name in metrics if (text := _farthest(frame, name))]
    if parts:
        listed = "; ".join(parts)
        sentences.append(f"Farthest from the mean of the configuration's other seeds (of 3 or more): {listed}.")
    return sentences


def _farthest(frame: pd.DataFrame, name: str) -> str:
    done = frame[(frame["status"] == "complete") & frame[name].notna()]
    groups = done.groupby("configuration")[name]
    n, total = groups.transform("count"), groups.transform("sum")
    others = (total - done[name]) / (n - 1).where(n > 2)
    distance = (done[name] - others).to_numpy(dtype=float)
    if np.isnan(distance).all():
        return ""
    place = int(np.nanargmax(np.abs(distance)))
    row, unit = done.iloc[place], metric.describe(name).unit
    where = row["directory"] if isinstance(row["directory"], str) else row["run_name"]
    sign = "+" if distance[place] > 0 else ""
    text = number_text(distance[place], unit)
    return f"{head(name)}: {printable(str(where))} ({sign}{text})" if text != MISSING else ""
