"""Answers as files: formats for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis import AnalysisError, export

FRAME = pd.DataFrame(
    {
        "configuration": ['=HYPERLINK("http://x")', "+1+1", "plain, quoted", "-5", "@cmd", "\tx", "–"],
        "mean": [0.1 + 0.2, -1.5, float("nan"), 1e-300, math.inf, 3.0, 4.0],
        "n": [3, 2, 1, 0, 3, 3, 3],
    }
)


def test_csv_holds_no_formula_and_every_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(export.csv_text(FRAME))))
    assert [row["configuration"] for row in rows] == [
        '\'=HYPERLINK("http://x")', "'+1+1", "plain, quoted", "-5", "'@cmd", "'\tx", "–",
    ]  # fmt: skip
    assert [row["mean"] for row in rows] == ["0.30000000000000004", "-1.5", "", "1e-300", "inf", "3.0", "4.0"]
    assert [row["n"] for row in rows] == ["3", "2", "1", "0", "3", "3", "3"]


def test_csv_holds_lists_whole() -> None:
    numbers = np.linspace(0, 1, 2000)
    text = export.csv_text(pd.DataFrame({"a": [numbers, np.array(["x", None], object)]}))
    first, second = [json.loads(row["a"]) for row in csv.DictReader(io.StringIO(text))]
    assert (first, second) == (numbers.tolist(), ["x", None])


def test_csv_heads_are_harmless_too() -> None:
    assert export.csv_text(pd.DataFrame({"=1+1": [1]})) == "'=1+1\n1\n"


def test_json_is_strict_and_says_what_columns_are() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    content = json.loads(export.json_text(FRAME), parse_constant=refuse)
    assert content["columns"]["mean"] == {"definition": "mean over seeds", "unit": "column unit"}
    assert [row["mean"] for row in content["rows"]] == [0.1 + 0.2, -1.5, None, 1e-300, None, 3.0, 4.0]
    assert content["rows"][0]["configuration"] == '=HYPERLINK("http://x")'


def test_json_of_everything_that_a_query_can_give() -> None:
    frame = pd.DataFrame({"a": [np.array([1.0, math.nan]), None], "b": [{"x": pd.NA}, pd.Timestamp("2026-01-02")]})
    rows = json.loads(export.json_text(frame))["rows"]
    assert rows == [{"a": [1.0, None], "b": {"x": None}}, {"a": None, "b": "2026-01-02 00:00:00"}]


def test_parquet_keeps_types_and_carries_definitions(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(export.encoded(FRAME, "parquet"))
    table = pq.read_table(tmp_path / "t.parquet")
    assert table["configuration"].to_pylist() == FRAME["configuration"].tolist()
    assert table["mean"].to_pylist()[:2] == [0.1 + 0.2, -1.5]
    assert table["mean"].null_count == 1
    assert str(table.schema.field("n").type) == "int64"
    assert table.schema.field("mean").metadata == {b"definition": b"mean over seeds", b"unit": b"column unit"}


@pytest.mark.parametrize(
    ("chosen", "output", "form"),
    [(None, None, "terminal"), (None, "a.csv", "csv"), (None, "a.TEX", "latex"), ("json", "a.csv", "json"),
     ("markdown", None, "markdown"), (None, "a.b.parquet", "parquet"), (None, "a.md", "markdown")],
)  # fmt: skip
def test_format_by_name_or_ending(chosen: str | None, output: str | None, form: str) -> None:
    assert export.format_of(chosen, Path(output) if output else None) == form


def test_bad_formats() -> None:
    with pytest.raises(AnalysisError, match=r"a\.xlsx: the ending '\.xlsx' says no format\. Use one of \.txt, \.md"):
        export.format_of(None, Path("a.xlsx"))
    with pytest.raises(AnalysisError, match=r"--format parquet: .* Give a file: -o FILE\.parquet"):
        export.format_of("parquet", None)
