"""How values are written."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from analysis.formatting import (
    blocks,
    columns,
    estimate_text,
    is_missing,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    message,
    p_text,
    shortened,
    stacked,
    text_grid,
    value_text,
    with_sign,
    without_folders,
    wrapped,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1e-5, "1e-05"), (64.0, "64"), (np.int64(3), "3"), (np.float64(0.5), "0.5"), (True, "true"),
     (None, "–"), (float("nan"), "–"), ("a\nb\x07", "a b?"), ("/data/sets/cifar10", "…/cifar10"),
     (np.array([1.0, 0.5, np.nan]), "[1, 0.5, –]"), (np.array([], int), "[]"),
     (np.array([np.array(["a\n"]), None], object), "[[a ], –]")],
)  # fmt: skip
def test_value_text(value: object, text: str) -> None:
    assert value_text(value) == text


def test_folders_are_cut_from_messages() -> None:
    text = "FileNotFoundError: '/home/somebody/x/batch.bin' (1/2 read), see C:\\logs\\run\\out.txt"
    assert without_folders(text) == "FileNotFoundError: '…/batch.bin' (1/2 read), see …/out.txt"


def test_estimates() -> None:
    assert estimate_text(0.92034, 0.00451, "fraction") == "92.03 ± 0.45"
    assert estimate_text(0.92034, float("nan"), "fraction") == "92.03"
    assert estimate_text(0.5, 0.25, "1", signed=True) == "+0.500 ± 0.250"
    assert estimate_text(float("nan"), float("nan"), "1", signed=True) == "–"
    assert estimate_text(12345.6, 1.0, "1") == "1.235e+04 ± 1.000"


def test_p_values_are_never_written_as_zero() -> None:
    assert [p_text(p) for p in (0.0004, 0.05, 0.9999, float("nan"))] == ["<.001", ".050", "1", "–"]


def test_markdown_cells_cannot_leave_their_cell() -> None:
    line = markdown_grid(["head"], [["a|b <script> [x](y)"]])[2]
    assert line == "| a\\|b &lt;script&gt; \\[x\\](y) |"


def test_truth_values_of_arrays_are_words() -> None:
    assert [value_text(v) for v in (np.False_, np.True_)] == ["false", "true"]


def test_missing_in_every_guise() -> None:
    assert [is_missing(v) for v in (None, float("nan"), np.float32("nan"), pd.NA, pd.NaT)] == [True] * 5
    assert [is_missing(v) for v in ("", "<NA>", "nan", 0, False, 0.0)] == [False] * 6


# Every character that is not a letter, a digit or harmless punctuation to LaTeX, and what stands for it.
_LITERAL = r"\\(?:textbackslash|textasciitilde|textasciicircum|textasciigrave|textless|textgreater|textbar|ldots)\{\}"
_LITERAL += r"|\\[{}$&#%_]|\{[\[\]*]?\}|\$(?:\\[A-Za-z]+|-)\$"


@pytest.mark.parametrize(
    "text",
    ["100%_$a$^2 & #1 {x} ~\\end{tabular}", "\\input{/etc/passwd}", "[1pt] * x", "a\nb\tc\x00", "± – · … →", "<b>|`\"'",
     "正則化 λ émile straße", "\\\\[10cm]", "{", "}}", "%", "\\write18{ls}"],
)  # fmt: skip
def test_latex_leaves_no_active_character(text: str) -> None:
    left = re.sub(_LITERAL, "", latex_text(text))
    assert not set(left) & set("\\{}$&#%_~^[]*<>|`\n\t\x00")


def test_latex_by_hand() -> None:
    assert latex_text("92.03 ± 0.45 %") == r"92.03 $\pm$ 0.45 \%"
    assert latex_text("a_b & c") == r"a\_b \& c"
    assert latex_text("émile λ") == r"émile $\lambda$"
    assert latex_grid(["k", "x %"], [["[1]", "–"]]) == [
        r"\begin{tabular}{lr}", r"\toprule", r"k & x \% \\", r"\midrule", r"{[}1{]} & -- \\", r"\bottomrule",
        r"\end{tabular}",
    ]  # fmt: skip


def test_columns_of_a_terminal() -> None:
    assert [columns(t) for t in ("abc", "±", "正則", "e\u0301")] == [3, 1, 4, 1]
    assert shortened("正則化", 5) == "正則…"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_heads_of_several_lines() -> None:
    assert text_grid(["a", "SSR\nfirst"], [["k", "1"]]) == ["     SSR", "a  first", "-  -----", "k      1"]
    assert stacked("SSR first dc/init", 12) == "SSR first\ndc/init"
    assert stacked("absolute_folded/epoch_1", 12) == "absolute_\nfolded/\nepoch_1"
    assert stacked("x" * 20, 12) == "x" * 11 + "…"


def test_blocks() -> None:
    assert blocks([5, 5, 5], 12) == [[0, 1], [2]]
    assert blocks([5, 5, 5], 19) == [[0, 1, 2]]
    assert blocks([30], 12) == [[0]]


@pytest.mark.parametrize("text", ["word " * 60, "x" * 300, "  NAME: " + "y" * 120 + " tail", "漢字" * 100, "a", ""])
def test_wrapped_lines_fit_and_lose_nothing(text: str) -> None:
    lines = wrapped(text, 80)
    assert all(columns(line) <= 80 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.startswith("  ") for line in lines[1:])


def test_latex_keeps_every_script_and_symbols_as_code_points() -> None:
    assert latex_text("正則化 مرحبا жук") == "正則化 مرحبا жук"
    assert latex_text("5 µm, α, Ω") == r"5 $\mu$m, $\alpha$, $\Omega$"
    assert latex_text("🦊") == "(U+1F98A)"


def test_latex_keeps_unlike_texts_unlike() -> None:
    """Two hyphens would print as the dash that stands for a missing value, two apostrophes as a quotation mark."""
    texts = ["🦊", "👨", "?", "α", "β", "--", "–", "''", '"', "-", "'"]
    assert len({latex_text(text) for text in texts}) == len(texts)
    assert [latex_text(text) for text in ("--", "–", "---")] == ["-{}-", "--", "-{}-{}-"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("$x_1$", r"\$x_1\$"), ("weight_decay", "weight_decay"), ("_a_ b", r"\_a\_ b"), ("__init__", r"\_\_init\_\_"),
     ("# x", r"\# x"), ("- x", r"\- x"), ("-0.18", "-0.18"), ("12. x", r"12\. x"), ("12.5", "12.5"),
     ("<b>&amp;", "&lt;b&gt;&amp;amp;"), ("~~x~~", r"\~\~x\~\~"), ("http://x.org", r"http:\//x.org"),
     ("www.x.org", r"www\.x.org"), ("a@b.c", r"a\@b.c")],
)  # fmt: skip
def test_markdown_shows_text_literally(text: str, escaped: str) -> None:
    assert markdown_text(text) == escaped


def test_messages_are_wrapped_and_paths_stay_whole() -> None:
    path = "/folder with spaces/" + "x" * 90 + "/run.parquet"
    lines = message(f"damaged: {path}: " + "word " * 40, [path]).splitlines()
    assert lines[0] == f"damaged: {path}:"
    assert len(lines) > 2
    assert all(len(line) <= 80 and line.startswith("  ") for line in lines[1:])
    assert message("error: short") == "error: short"
    assert message("interrupted") == "interrupted"


def test_signs_are_typographic() -> None:
    assert [with_sign(text) for text in ("1.2", "-1.2", "–")] == ["+1.2", "−1.2", "–"]
