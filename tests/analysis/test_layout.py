"""How a table is fitted into a terminal."""

from __future__ import annotations

import pytest

from analysis.formatting import LATEX_HEAD, columns
from analysis.layout import fitted, text


def lines_of(names: list[str], heads: list[str], rows: list[list[str]], width: int = 80) -> list[str]:
    return fitted(names, heads, rows, [" · ".join(row[: len(names)]) for row in rows], width)


def test_what_fits_is_one_table() -> None:
    assert lines_of(["a", "n"], ["x"], [["k", "3", "1.0"]]) == ["a  n    x", "-  -  ---", "k  3  1.0", ""]


def test_dotted_names_are_cut_to_what_tells_them_apart() -> None:
    names = ["optimizer.learning_rate.start", "model.width", "other.width", "n"]
    head = lines_of(names, ["a metric of some length"], [["0.1", "16", "8", "3", "1.0"]], 79)[0]
    assert head.split("  ")[0] == "start"
    assert "model.width" in head
    assert "other.width" in head


def test_heads_are_broken_into_lines_where_that_saves_a_block() -> None:
    heads = ["SSR first dc/init", "SSR last dc/init", "SSR first total/init", "SSR last total/init"]
    lines = lines_of(["regularizer", "n"], heads, [["weight_decay 0.001", "3", "1", "2", "3", "4"]])
    assert len(lines) == 5
    assert lines[0].split() == ["SSR", "first", "SSR", "last", "SSR", "first", "SSR", "last"]
    assert lines[1].split() == ["regularizer", "n", "dc/init", "dc/init", "total/init", "total/init"]


def test_rows_too_wide_are_numbered_and_nothing_is_lost() -> None:
    names = ["first", "second", "n"]
    rows = [["a" * 60, f"{i}" * 30, "3", f"{i}.5"] for i in range(3)]
    lines = lines_of(names, ["metric"], rows)
    assert max(map(columns, lines)) <= 80
    joined = "".join(line.strip() for line in lines)
    for row in rows:
        assert row[0] in joined
        assert row[1] in joined.replace(" ", "")
    assert [line for line in lines if line.startswith("2 ")][-1].split() == ["2", "3", "1.5"]


def test_numbered_rows_are_a_table_where_that_fits() -> None:
    names = ["model", "regularizer", "n"]
    rows = [["resnet20", "x" * 55 + str(i), "3", "80.00 ± 1.00"] for i in range(2)]
    lines = lines_of(names, ["clean %"], rows)
    assert lines[0].split() == ["row", "model", "regularizer"]
    assert lines[2].split() == ["1", "resnet20", "x" * 55 + "0"]
    assert max(map(columns, lines)) <= 80


def test_a_head_wider_than_the_terminal_is_shortened() -> None:
    assert max(map(columns, lines_of(["a", "n"], ["h" * 200], [["k", "3", "1.0"]]))) <= 80


def test_wide_characters_count_twice() -> None:
    lines = lines_of(["名前", "n"], ["精度"], [["正則化なし", "3", "1.0"], ["none", "3", "2.0"]])
    assert len({columns(line) for line in lines[1:-1]}) == 1


def test_many_keys_and_many_metrics_fit() -> None:
    names = [f"some.group.key_number_{i}" for i in range(6)] + ["n"]
    heads = [f"accuracy a_corruption_{i} 0.123456789" for i in range(12)]
    rows = [[f"value {i} {r}" for i in range(6)] + ["3"] + ["12.34 ± 5.67"] * 12 for r in range(4)]
    for width in (40, 60, 80, 132):
        lines = lines_of(names, heads, rows, width)
        assert max(map(columns, lines)) <= width
        assert sum(line.count("12.34 ± 5.67") for line in lines) == 48


@pytest.mark.parametrize(("form", "first"), [("markdown", "| a\\|b | x |"), ("latex", LATEX_HEAD)])
def test_markup(form: str, first: str) -> None:
    lines = text(["a|b"], ["x"], [["_k_", "1"]], ["a note, 5 %"], form).splitlines()
    assert lines[0] == first
    assert lines[-1] == {"markdown": "a note, 5 %", "latex": r"% a note, 5 \%"}[form]
