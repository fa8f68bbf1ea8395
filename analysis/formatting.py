"""How values are written: configuration values, estimates, p values, and text from strangers' files."""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Sequence

MISSING = "–"

_ABSOLUTE = re.compile(r"(?<![\w.…/:])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\:'\"<>|]+[/\\])+")


def is_missing(value: object) -> bool:
    """True for NULL in any of its guises (None, NaN, pandas' NA)."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or str(value) == "<NA>"


def value_text(value: object) -> str:
    """A configuration value as one line of text: 0.001, 64 (also for 64.0), true, -- for NULL.

    Text is stripped of control characters, so that a value cannot drive a terminal, and of leading folders.
    """
    if is_missing(value):
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or hasattr(value, "dtype"):
        return f"{float(value):.12g}" if not isinstance(value, str) else printable(value)  # type: ignore[arg-type]
    return printable(without_folders(str(value)))


def printable(text: str) -> str:
    """``text`` on one line, each unprintable character replaced by a question mark."""
    return "".join(c if c.isprintable() else "?" for c in re.sub(r"\s+", " ", text))


def without_folders(text: str) -> str:
    """``text`` with every absolute path cut to its last name: a report travels, the folders it was made in do not."""
    return _ABSOLUTE.sub("…/", text)


def number_text(value: float, unit: str) -> str:
    """A metric's value: ``fraction`` as per cent with 2 decimals, everything else with 3 (4 digits from 100 on)."""
    if is_missing(value):
        return MISSING
    if unit == "fraction":
        return f"{100 * value:.2f}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"


def estimate_text(mean: float, half_width: float, unit: str, *, signed: bool = False) -> str:
    """``92.03 ± 0.45``; the mean alone where there is no interval (n = 1)."""
    text = number_text(mean, unit)
    if signed and text != MISSING and mean > 0:
        text = "+" + text
    return text if is_missing(half_width) else f"{text} ± {number_text(half_width, unit)}"


def p_text(p: float) -> str:
    """A p value with 3 decimals, never a false zero."""
    if is_missing(p):
        return MISSING
    return "<.001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.9995 else "1"


def text_grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of an aligned text table; the first ``left`` columns are left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (v.ljust(w) if i < left else v.rjust(w) for i, (v, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(cells).rstrip()

    return [line(header), "  ".join("-" * w for w in widths), *(line(row) for row in rows)]


def markdown_grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a Markdown table; cell text is escaped, so that no value can open a cell, a tag or a link."""
    rule = ["---" if i < left else "---:" for i in range(len(header))]
    return [
        "| " + " | ".join(cells) + " |"
        for cells in ([markdown_text(v) for v in header], rule, *([markdown_text(v) for v in row] for row in rows))
    ]


def markdown_text(text: str) -> str:
    """``text`` shown literally by Markdown (underscores inside words need no escape and stay readable)."""
    return re.sub(r"([\\`*\[\]|])", r"\\\1", html.escape(text, quote=False))


def shortened(text: str, width: int) -> str:
    """``text`` cut to ``width`` characters, the cut marked by an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 1)] + "…"


def wrapped(text: str, width: int = 80) -> list[str]:
    """Lines of ``text`` of at most ``width`` characters, all but the first indented."""
    return textwrap.wrap(text, width, subsequent_indent="  ")
