"""Reads a report as a stranger would: its tables, its embedded JSON, its text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd


class Page(HTMLParser):
    """Tables of a page by section, and what a browser could fetch.

    Attributes:
        tables: section id -> its tables, each a list of rows of cell texts.
        data_values: section id -> tables of the cells' ``data-value``.
        fetched: every attribute value that could fetch something.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.data_values: dict[str, list[list[list[str]]]] = {}
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._section = ""
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag == "section":
            self._section = named["id"] or ""
            self.tables[self._section], self.data_values[self._section] = [], []
        elif tag == "table":
            self.tables[self._section].append([])
            self.data_values[self._section].append([])
        elif tag == "tr":
            self.tables[self._section][-1].append([])
            self.data_values[self._section][-1].append([])
        elif tag in ("td", "th"):
            self._open = True
            self.tables[self._section][-1][-1].append("")
            self.data_values[self._section][-1][-1].append(named.get("data-value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._open:
            self.tables[self._section][-1][-1][-1] += data

    def json(self, name: str) -> Any:
        found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', self.text, re.S)
        assert found
        return json.loads(found[1])

    def frame(self, name: str) -> pd.DataFrame:
        """One of the page's data sets, unpacked here on its own."""
        packed = self.json("data")[name]
        columns = {}
        for field, column in packed["columns"].items():
            if isinstance(column, list):
                columns[field] = column
                continue
            values = [*column["v"], None]
            if "i" in column:
                columns[field] = [values[code] for code in column["i"]]
            else:
                pairs = zip(column["r"][::2], column["r"][1::2], strict=True)
                columns[field] = [values[code] for code, times in pairs for _ in range(times)]
        frame = pd.DataFrame(columns)
        assert len(frame) == packed["rows"]
        return frame
