"""One self-contained HTML file: what was run, tables, differences, plots, definitions, provenance."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import aggregate, compare, metric, table
from analysis.configuration import PREFIX, SEED
from analysis.definitions import DEFINITIONS
from analysis.figures import figures
from analysis.formatting import MISSING, value_text
from analysis.load import AnalysisError, Records

PROVENANCE = "provenance."


@dataclass(frozen=True)
class Cell:
    """A table cell: its text, and the value that sorting uses."""

    text: str
    value: str


def write(records: Records, target: Path, *, baseline: Mapping[str, str] | None = None) -> None:
    """Write the report to ``target`` by renaming a finished temporary file; an older report stays until then.

    Raises:
        AnalysisError: the folder does not exist or refuses the file, or ``baseline`` names no configuration.
    """
    if target.is_dir():
        raise AnalysisError(f"{target}: is a folder. Give a file: -o {target / 'report.html'}.")
    if not target.parent.is_dir():
        raise AnalysisError(f"{target}: its folder does not exist. Make {target.parent}, or give another -o FILE.")
    temporary: Path | None = None
    try:
        # Made first, so that a folder that refuses the file is told before any figure is drawn.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
            sink.write(html(records, baseline=baseline))
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise AnalysisError(
            f"{target}: the report could not be written ({error.strerror or error}). "
            "Mend the folder's permissions or free space, or give another -o FILE."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def html(records: Records, *, baseline: Mapping[str, str] | None = None) -> str:
    """The report as one HTML text. Equal records give equal text; every recorded value is escaped.

    Raises:
        AnalysisError: ``baseline`` names no configuration.
    """
    folder = Path(__file__).parent / "template"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    runs = records.configurations.runs
    return environment.get_template("report.html").render(
        name=value_text(records.name),
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        script=Markup((folder / "report.js").read_text(encoding="utf-8")),
        total=len(runs),
        complete=int((runs["status"] == "complete").sum()),
        counts=aggregate.run_counts(records).to_dict("records"),
        failures=_failures(records),
        damaged=[(damage.path.name, value_text(damage.reason)) for damage in records.damaged],
        mixtures=aggregate.mixtures(records),
        swept=_swept(records),
        constants=_constants(records),
        tables=list(_tables(records)),
        footer=table.footer(records, [*metric.DEFAULT, "drop"]),
        comparison=_comparison(records, baseline),
        contexts=[(context, list(figures(records, context))) for context in _contexts(records)],
        definitions=DEFINITIONS,
        provenance=_provenance(records),
        run_ids=_run_ids(records),
    )


def _failures(records: Records) -> list[dict[str, str]]:
    columns = ["run_name", "configuration", "seed", "status", "status_detail"]
    missing = aggregate.incomplete_runs(records)[columns]
    return [{key: value_text(value) for key, value in row.items()} for row in missing.to_dict("records")]  # type: ignore[misc]


def _swept(records: Records) -> list[tuple[str, str]]:
    """Differing keys with their values, the seeds among them."""
    run = records["run"]
    columns = [*records.configurations.differing, *([SEED] if SEED in run else [])]
    return [(column.removeprefix(PREFIX), _distinct(run[column])) for column in columns]


def _constants(records: Records) -> list[tuple[str, str]]:
    """Keys on which all runs agree, or that follow from another choice."""
    choices = records.configurations.choices
    columns = [c for c in choices.columns if c not in records.configurations.differing]
    return [(c.removeprefix(PREFIX), _distinct(choices[c])) for c in sorted(columns)]


def _distinct(column: pd.Series, most: int = 12) -> str:
    texts = list(dict.fromkeys(value_text(v) for v in column if value_text(v) != MISSING))
    return ", ".join(texts[:most]) + (f", … ({len(texts)} values)" if len(texts) > most else "") or MISSING


def _tables(records: Records) -> Iterator[dict[str, Any]]:
    """The aggregated tables: headline metrics, then the drop under each corruption."""
    corruptions = sorted(metric.robustness(records)["corruption"].unique())
    chosen = {"Headline metrics": list(metric.DEFAULT), "Drop from clean accuracy": [f"drop/{c}" for c in corruptions]}
    for title, metrics in chosen.items():
        if not metrics:
            continue
        names, heads, rows = table.cells(records, metrics)
        heads = [text.removeprefix("drop ") for text in heads]  # the table's title says it
        means = aggregate.headline(records, metrics).set_index(["configuration", "metric"])["mean"]
        cells: list[list[Cell]] = []
        for label, row in zip(records.configurations.table["configuration"], rows, strict=True):
            order = str(len(cells))
            values = [order] * (len(names) - 1) + [row[len(names) - 1], *(str(means[label, m]) for m in metrics)]
            cells.append([Cell(text, value) for text, value in zip(row, values, strict=True)])
        notes = [metric.describe(name).definition for name in metrics]
        yield {"title": title, "names": names, "heads": list(zip(heads, notes, strict=True)), "rows": cells}


def _comparison(records: Records, baseline: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        frame = compare.differences(records, baseline)
    except AnalysisError as error:
        if baseline:
            raise
        return {"blocks": [], "footer": [str(error)], "header": compare.HEADER}
    blocks = []
    for configuration, block in frame.groupby("configuration", sort=False):
        rows = list(zip(compare.cells(block), (block["p_holm"] < 0.05).tolist(), strict=True))
        survivors = int((block["p_holm"] < 0.05).sum())
        blocks.append(
            {"title": configuration, "baseline": block["baseline"].iloc[0], "rows": rows, "survivors": survivors}
        )
    return {"blocks": blocks, "footer": compare.footer(frame), "header": compare.HEADER}


def _contexts(records: Records) -> list[str]:
    found = records.configurations.table
    return list(dict.fromkeys(found.loc[found["complete"] > 0, "context"]))


def _provenance(records: Records) -> list[tuple[str, str]]:
    run = records["run"]
    columns = sorted(str(c) for c in run.columns if str(c).startswith(PROVENANCE))
    rows = [(c.removeprefix(PROVENANCE), _distinct(run[c])) for c in columns]
    seconds = run["train_seconds"].sum() + run["evaluate_seconds"].sum()
    memory = run["peak_memory"].max()
    rows.append(("wall time of all runs", f"{seconds / 60:.1f} min"))
    if memory == memory:
        rows.append(("largest peak memory", f"{memory / 2**20:.0f} MiB"))
    return rows


def _run_ids(records: Records) -> list[dict[str, str]]:
    configurations = records.configurations
    order = configurations.table.set_index("configuration")["order"]
    runs = configurations.runs.assign(order=configurations.runs["configuration"].map(order))
    columns = ["configuration", "seed", "run_id", "run_name", "status"]
    rows = runs.sort_values(["order", "seed"])[columns].to_dict("records")
    return [{str(key): value_text(value) for key, value in row.items()} for row in rows]
