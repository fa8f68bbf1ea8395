"""How values are written: configuration values, estimates, p values, and text from strangers' files."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Sequence

MISSING = "–"

_ABSOLUTE = re.compile(r"(?<![\w.…/:])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\:'\"<>|]+[/\\])+")


def is_missing(value: object) -> bool:
    """True for NULL in any of its guises (None, NaN, pandas' NA)."""
    if value is None or isinstance(value, str | int):
        return value is None
    return math.isnan(value) if isinstance(value, float) else str(value) in ("<NA>", "NaT", "nan")


def value_text(value: object) -> str:
    """A value as one line of text: 0.001, 64 (also for 64.0), true, [1, 2] for a list, -- for NULL.

    Text is stripped of control characters, so that a value cannot drive a terminal, and of leading folders.
    """
    if getattr(value, "ndim", 0):
        return f"[{', '.join(map(value_text, value))}]"  # type: ignore[call-overload]
    if is_missing(value):
        return MISSING
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
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
    """A metric's value: ``fraction`` as per cent with 2 decimals, ``mse`` with 3 digits, all else with 3 decimals."""
    if is_missing(value):
        return MISSING
    if unit == "fraction":
        return f"{100 * value:.2f}"
    if unit == "mse":  # of any order of magnitude
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"


def with_sign(number: str) -> str:
    """A number's text with its sign, the minus sign typographic."""
    return "−" + number[1:] if number.startswith("-") else number if number == MISSING else f"+{number}"


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


def columns(text: str) -> int:
    """How many columns of a terminal ``text`` takes: wide East Asian characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text_grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of an aligned text table; the first ``left`` columns are left-aligned, the others right-aligned.

    A head may have several lines (``\\n``); they stand at the bottom of their column.
    """
    widths = grid_widths(header, rows)

    def line(row: Sequence[str]) -> str:
        gaps = [" " * (w - columns(v)) for v, w in zip(row, widths, strict=True)]
        cells = (v + gap if i < left else gap + v for i, (v, gap) in enumerate(zip(row, gaps, strict=True)))
        return "  ".join(cells).rstrip()

    heads = [text.split("\n") for text in header]
    high = max(map(len, heads))
    above = [[""] * (high - len(parts)) + parts for parts in heads]
    return [*map(line, zip(*above, strict=True)), "  ".join("-" * w for w in widths), *map(line, rows)]


def grid_widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Columns of a terminal that each column of a text table takes."""
    heads = [max(map(columns, text.split("\n"))) for text in header]
    return [max(h, *map(columns, c)) if c else h for h, c in zip(heads, _transposed(rows, len(heads)), strict=True)]


def _transposed(rows: Sequence[Sequence[str]], number: int) -> Sequence[Sequence[str]]:
    return list(zip(*rows, strict=True)) or [()] * number


def stacked(head: str, width: int) -> str:
    """A column's head broken into lines of at most ``width`` columns: at spaces, longer words after ``.``, ``_``, /."""
    parts: list[str] = []
    for word in head.split():
        pieces = re.findall(r"[^._/=]*[._/=]*", word)[:-1] if columns(word) > width else [word]
        parts += [*pieces[:-1], pieces[-1] + " "]
    lines = [""]
    for part in parts:
        if lines[-1] and columns((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(shortened(line.rstrip(), width) for line in lines)


def blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Indices of columns, split into runs whose widths (with 2 spaces between columns) fit into ``room``."""
    found: list[list[int]] = []
    used = room + 1
    for i, width in enumerate(widths):
        if used + width > room:
            found.append([])
            used = 0
        found[-1].append(i)
        used += width + 2
    return found


def markdown_grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a Markdown table; cell text is escaped, so that no value can open a cell, a tag or a link."""
    rule = ["---" if i < left else "---:" for i in range(len(header))]
    return [
        "| " + " | ".join(cells) + " |"
        for cells in ([markdown_text(v) for v in header], rule, *([markdown_text(v) for v in row] for row in rows))
    ]


_MARKDOWN = re.compile(
    r"[\\`*\[\]|$~@]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside words underscores need no escape and stay readable
    r"|(?<=:)/(?=/)|(?<=www)\."  # what makes a link of bare text
    r"|^\s*(?:[#+=-]+|\d+[.)])(?=\s|$)"  # a heading, a list, a rule
)


def markdown_text(text: str) -> str:
    """``text`` shown literally by Markdown: no emphasis, mathematics, link, tag, cell, heading or list."""
    return _MARKDOWN.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], html.escape(text, quote=False))


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}",
    # After the end of a row, a bracket would be its extra space and a star would forbid a page break.
    "[": "{[}", "]": "{]}", "*": "{*}",
    "±": r"$\pm$", "–": "--", "·": r"$\cdot$", "…": r"\ldots{}", "→": r"$\to$", "−": r"$-$",
    "×": r"$\times$", "°": r"$^\circ$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "∞": r"$\infty$",
}  # fmt: skip


_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "ς": "varsigma",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma",
    "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "ϑ": "vartheta", "ϕ": "phi", "ϵ": "epsilon", "µ": "mu",
}  # fmt: skip

LATEX_HEAD = (
    r"% \usepackage{booktabs}; letters beyond Latin and Greek need XeLaTeX or LuaLaTeX and a font that has them"
)
"""First line of every LaTeX answer."""


def latex_text(text: str) -> str:
    """``text`` shown literally by LaTeX, and unlike any other text.

    Letters of every script stay; Greek ones that plain LaTeX lacks are mathematics; symbols that few fonts have (such
    as emoji) become their code point, ``(U+1F98A)``.
    """
    # Repeated, these would join to another sign: two hyphens to a dash, two apostrophes to a quotation mark.
    apart = re.split(r"(?<=([-',]))(?=\1)", printable(text))[::2]
    return "{}".join("".join(map(_in_latex, part)) for part in apart)


def _in_latex(letter: str) -> str:
    if letter in _LATEX:
        return _LATEX[letter]
    if letter in _GREEK:
        return rf"$\{_GREEK[letter]}$"
    return letter if letter.isascii() or unicodedata.category(letter)[0] in "LMN" else f"(U+{ord(letter):04X})"


def latex_grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a LaTeX tabular with the rules of the package booktabs; cell text is escaped."""
    head, *body = (" & ".join(map(latex_text, row)) + r" \\" for row in [header, *rows])
    form = "l" * left + "r" * (len(header) - left)
    return [rf"\begin{{tabular}}{{{form}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]


def shortened(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns, the cut marked by an ellipsis."""
    if columns(text) <= width:
        return text
    return _fitting(text, max(width - 1, 1)) + "…"


def cut_in_the_middle(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns, both ends kept: labels begin alike with the setting and end unlike."""
    if columns(text) <= width:
        return text
    tail = _fitting(text[::-1], width - width // 2)[::-1]
    return _fitting(text, width - 1 - columns(tail)) + "…" + tail


def _fitting(text: str, width: int) -> str:
    """The longest beginning of ``text`` that takes at most ``width`` columns, at least one character."""
    end, used = 0, 0
    while end < len(text) and (used := used + columns(text[end])) <= width:
        end += 1
    return text[: max(end, 1)]


def wrapped(text: str, width: int = 80, indent: str = "  ") -> list[str]:
    """Lines of ``text`` of at most ``width`` columns, all but the first indented; leading spaces of the text stay."""
    start = " " * min(len(text) - len(text.lstrip(" ")), 8)
    lines: list[str] = []
    line = start
    for word in text.split():
        if line.strip() and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line = start + indent
        line += (" " if line.strip() else "") + word
        while columns(line) > width:
            whole = _fitting(line, width)
            lines.append(whole)
            line = start + indent + line[len(whole) :]
    return [*lines, line] if line.strip() else lines


def message(text: str, paths: Sequence[str] = (), width: int = 80) -> str:
    """``text`` in lines of at most ``width`` columns; no word and none of ``paths`` is broken, so it can be copied.

    The first two words stay together: what follows ``error:`` is found by a search for both.
    """
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, path.replace(" ", "\0"))
    first, *words = text.split(" ", 2) if text.count(" ") > 1 else [text]
    lines = [" ".join([first, *words[:1]])]
    for word in words[1].split() if words else ():
        if columns(lines[-1]) + 1 + columns(word) > width:
            lines.append("  " + word)
        else:
            lines[-1] += " " + word
    return "\n".join(lines).replace("\0", " ")
