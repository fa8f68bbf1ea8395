"""SQL over the records from the command line: the answer as text, and what there is to ask for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from analysis.formatting import blocks, grid_widths, printable, shortened, text_grid, value_text, wrapped
from analysis.load import AnalysisError, Records
from frequency_reg.records import TABLES

MOST_ROWS = 100
WIDEST = 40
"""Columns of a terminal that a value may take before it is shortened."""

VIEW_COLUMNS = {
    "configuration": ("label of the configuration", "1"),
    "context": ("what differs beside the regularizer", "1"),
    "label": ("the regularizer with its strength", "1"),
    "regularizer": ("name of the regularizer", "1"),
    "strength": ("strength of the regularizer; NULL if it has none or several", "1"),
    "seed": ("seed of the run, as text", "1"),
    "place": ("place of the configuration in display order", "1"),
    "position": ("first, last (convolution with k > 1) or the module path", "1"),
    "metric": ("name of a metric, as in `table --metrics`", "1"),
    "value": ("the metric's value", "unit of the metric"),
    "frequency": ("k of a function's part exp(2 pi i k x)", "cycle per period"),
    "clean": ("accuracy on the uncorrupted test set", "1"),
    "drop": ("clean accuracy minus accuracy under the corruption", "1"),
    "relative_robustness": ("accuracy under the corruption / clean accuracy", "1"),
    "train_test_gap": ("training accuracy minus clean accuracy; NULL where they are of different data sets", "1"),
}


def answer(records: Records, query: str) -> pd.DataFrame:
    """The rows that the query finds.

    Raises:
        AnalysisError: the database refuses it, the message is its own, on one line; or it is more than one statement.
    """
    with contextlib.suppress(duckdb.Error):  # of what cannot be read the answer says more
        number = len(duckdb.extract_statements(query))
        if number > 1:
            raise AnalysisError(f"{number} statements; give one, others would go unanswered (WITH names what it needs)")
    try:
        return records.sql(query)
    except AnalysisError as error:
        raise AnalysisError(shortened(printable(re.sub(r"\s*\^+\s*$", "", str(error)).strip()), 400)) from error


def cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]], int]:
    """Header, rows of text, and how many columns come before the first numeric one."""
    columns = [[value_text(v) for v in frame[c].astype(object)] for c in frame]
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame]
    header = [printable(str(c)) for c in frame.columns]
    return header, [list(row) for row in zip(*columns, strict=True)], [*numeric, True].index(True)


def terminal(frame: pd.DataFrame, width: int = 80, limit: int = MOST_ROWS) -> str:
    """The rows as a table of at most ``width`` columns: long values are shortened, columns wrapped into blocks.

    Args:
        limit: the most rows that are shown; 0 for all.
    """
    if not len(frame.columns):
        return "No rows."
    shown = frame.head(limit) if limit else frame
    header, rows, _ = cells(shown)
    header = [shortened(text, WIDEST) for text in header]
    rows = [[shortened(text, WIDEST) for text in row] for row in rows]
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame]
    lines: list[str] = []
    for block in blocks(grid_widths(header, rows), width):
        left = next((i for i, place in enumerate(block) if numeric[place]), len(block))
        lines += [*text_grid([header[i] for i in block], [[row[i] for i in block] for row in rows], left), ""]
    more = f"; {len(frame) - len(shown)} more: --limit N (0: all), or --format csv" if len(shown) < len(frame) else ""
    return "\n".join([*lines, f"{len(shown)} {'row' if len(shown) == 1 else 'rows'}{more}."])


AMBIGUOUS = ("n", "value", "status")
"""Names that a query gives to columns of its own; they stand for the recorded column of that name too rarely."""


def meanings(frame: pd.DataFrame, records: Records) -> dict[str, tuple[str, str]]:
    """Definition and unit of those columns of an answer that mean the same wherever a table or view has the name."""
    schemas = [records.schema(table) for table in records.tables]
    found: dict[str, tuple[str, str]] = {}
    for column in map(str, frame.columns):
        told = {_recorded(schema.field(column).metadata) for schema in schemas if column in schema.names}
        told |= {VIEW_COLUMNS[column]} if column in VIEW_COLUMNS else set()
        told |= {_of_prefix(column)} if _of_prefix(column)[0] else set()
        if len(told) == 1 and column not in AMBIGUOUS:
            found[column] = told.pop()
    return {name: meaning for name, meaning in found.items() if meaning[0]}


def catalogue(records: Records, width: int = 80) -> str:
    """Every table and view with its columns, their types, units and definitions, and what a view is."""
    comments = view_comments()
    columns = records.sql(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_name NOT LIKE 'loose\\_%' ESCAPE '\\' AND table_name NOT LIKE 'runs\\_of\\_%' ESCAPE '\\' "
        "ORDER BY table_name, ordinal_position"
    )
    lines: list[str] = []
    names = list(columns["table_name"].unique())
    for name in sorted(names, key=lambda n: (n in comments or n == "runs", n)):
        told = comments.get(
            name, "One row a run, with its configuration's label." if name == "runs" else "recorded table"
        )
        lines += wrapped(f"{printable(name)}: {told}", width)
        own = records.schema(name)
        for _, column, kind in columns[columns["table_name"] == name].itertuples(index=False, name=None):
            definition, unit = _meaning(own, column)
            unit = f" [{unit}]" if unit not in ("", "1") else ""
            text = f"  {printable(column)} {kind.lower()}{unit}" + (f": {definition}" if definition else "")
            lines += wrapped(text, width, "    ")
        lines.append("")
    return "\n".join(lines[:-1])


def view_comments() -> dict[str, str]:
    """What each view of ``views.sql`` is, in the words of the comment above it."""
    text = (Path(__file__).parent / "views.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for comment, name in re.findall(
        r"((?:^--.*\n)*)^CREATE (?:OR REPLACE )?(?:TEMP )?(?:VIEW|TABLE) (\w+)", text, re.M
    ):
        found[name] = " ".join(re.sub(r"(?m)^--\s?", "", comment).split()) or "view"
    return found


def _meaning(own: pa.Schema | None, column: str) -> tuple[str, str]:
    """Definition and unit of a column: the table's own, a view's, or those of the recorded column of that name."""
    if own is not None and column in own.names:
        return _recorded(own.field(column).metadata)
    if _of_prefix(column)[0]:
        return _of_prefix(column)
    if column in VIEW_COLUMNS:
        return VIEW_COLUMNS[column]
    schemas = [schema for schema in TABLES.values() if column in schema.names]
    return _recorded(schemas[0].field(column).metadata) if schemas else ("", "1")


def _of_prefix(column: str) -> tuple[str, str]:
    if column.startswith("config."):
        return "of the configuration", "1"
    return ("what made the run", "1") if column.startswith("provenance.") else ("", "1")


def _recorded(metadata: Mapping[bytes, bytes] | None) -> tuple[str, str]:
    told = metadata or {}
    return told.get(b"definition", b"").decode(errors="replace"), told.get(b"unit", b"1").decode(errors="replace")
