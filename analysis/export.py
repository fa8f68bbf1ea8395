"""Answers as files for people and for programs: formats."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.formatting import is_missing
from analysis.load import AnalysisError

SUFFIXES = {
    ".txt": "terminal",
    ".md": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".parquet": "parquet",
    ".json": "json",
}
FORMATS = tuple(SUFFIXES.values())
DATA = ("csv", "parquet", "json")
"""Formats for programs: frames at full precision. The others are texts for people."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula."""

COLUMNS: Mapping[str, tuple[str, str]] = {
    "configuration": ("the row in one text", "1"),
    "complete": ("complete runs of the row", "1"),
    "total": ("runs of the row", "1"),
    "metric": ("name of the metric, see `python -m analysis table`", "1"),
    "unit": ("unit of mean, low, high, half_width and sd", "1"),
    "mean": ("mean over seeds", "column unit"),
    "low": ("lower end of the 95% interval of the mean", "column unit"),
    "high": ("upper end of the 95% interval of the mean", "column unit"),
    "half_width": ("half of high - low", "column unit"),
    "sd": ("standard deviation over seeds (n - 1 in the denominator)", "column unit"),
    "n": ("seeds (of differences: pairs of runs with equal seeds)", "1"),
    "method": ("of the interval: t = Student's, bca = BCa bootstrap; missing at n < 2", "1"),
    "mark": ("best or tied: no other row is shown to be better (paired by seed, Holm over all pairs, .05)", "1"),
    "baseline": ("the configuration that was subtracted", "1"),
    "p": ("two-sided paired t test of no difference", "1"),
    "p_holm": ("p corrected by Holm's method over all tests of the file", "1"),
    "hedges_g": ("Hedges' g of the paired differences: J mean / sd", "standard deviation"),
    "g_low": ("lower end of the 95% interval of the effect size", "standard deviation"),
    "g_high": ("upper end of the 95% interval of the effect size", "standard deviation"),
    "can_reach": ("whether n pairs can reach .05 in this family without assuming normal differences", "1"),
}
"""Definition and unit of the columns of exported frames; ``config.*`` columns are the configuration as recorded."""


def format_of(chosen: str | None, output: Path | None) -> str:
    """The format that was asked for, by name or by the file's ending; the terminal's if by neither.

    Raises:
        AnalysisError: the ending is none of :data:`SUFFIXES`, or Parquet was asked for without a file.
    """
    if chosen is None and output is not None and output.suffix.lower() not in SUFFIXES:
        raise AnalysisError(
            f"{output}: the ending '{output.suffix}' says no format. Use one of {', '.join(SUFFIXES)}, or --format."
        )
    found = chosen or (SUFFIXES[output.suffix.lower()] if output is not None else "terminal")
    if found == "parquet" and output is None:
        raise AnalysisError("--format parquet: is no text for a terminal. Give a file: -o FILE.parquet.")
    return found


def encoded(frame: pd.DataFrame, form: str, meanings: Mapping[str, tuple[str, str]] = COLUMNS) -> bytes:
    """A frame in one of the formats of :data:`DATA`.

    Args:
        meanings: definition and unit of columns; those of columns that the frame lacks are left out.
    """
    if form == "csv":
        return csv_text(frame).encode()
    return json_text(frame, meanings).encode() if form == "json" else parquet(frame, meanings)


def csv_text(frame: pd.DataFrame) -> str:
    """Comma-separated values: numbers at full precision, missing ones empty, no text that a spreadsheet would run.

    A list stands as JSON in its cell.
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow([_harmless(str(c)) for c in frame.columns])
    columns = [[_csv_cell(v) for v in frame[c].astype(object)] for c in frame.columns]
    writer.writerows(zip(*columns, strict=True))
    return sink.getvalue()


def _csv_cell(value: object) -> object:
    if getattr(value, "ndim", 0):
        return json.dumps(_json_value(value), ensure_ascii=False)
    if is_missing(value):
        return ""
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    """Text from a record with an apostrophe before what a spreadsheet would take for a formula; numbers stay."""
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text if text.isascii() and text.strip() == text else "'" + text


def json_text(frame: pd.DataFrame, meanings: Mapping[str, tuple[str, str]] = COLUMNS) -> str:
    """``{"columns": {name: {definition, unit}}, "rows": [{name: value}]}``; what is missing or infinite is null."""
    names = [str(c) for c in frame.columns]
    columns = [[_json_value(v) for v in frame[c].astype(object)] for c in frame.columns]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    told = {n: {"definition": meanings[n][0], "unit": meanings[n][1]} for n in names if n in meanings}
    return json.dumps({"columns": told, "rows": rows}, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _json_value(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_json_value(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _json_value(v) for k, v in value.items()}
    if is_missing(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


def parquet(frame: pd.DataFrame, meanings: Mapping[str, tuple[str, str]] = COLUMNS) -> bytes:
    """A Parquet file whose columns carry their definition and unit as the records' do."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    fields = [
        f.with_metadata({"definition": meanings[f.name][0], "unit": meanings[f.name][1]}) if f.name in meanings else f
        for f in table.schema
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(table.cast(pa.schema(fields)), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())
