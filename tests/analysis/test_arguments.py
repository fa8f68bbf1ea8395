"""The arguments of ``python -m analysis``."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import arguments


def test_a_descending_column_is_no_option() -> None:
    assert arguments.parsed(["table", "a", "--sort", "-clean_accuracy"]).sort == "-clean_accuracy"
    assert arguments.parsed(["table", "a", "--sort=n", "--best"]).sort == "n"


def test_several_folders_and_conditions() -> None:
    options = arguments.parsed(["report", "a", "b", "--where", "x=1", "--where", "y!=2"])
    assert options.paths == [Path("a"), Path("b")]
    assert options.where == ["x=1", "y!=2"]


@pytest.mark.parametrize(
    ("words", "paths", "sql"),
    [
        (["gone"], ["gone"], None),
        (["gone", "SELECT 1"], ["gone"], "SELECT 1"),
        (["a", "{root}", "FROM run"], ["a", "{root}"], "FROM run"),
        (["a", "{root}"], ["a", "{root}"], None),
        (["a", "b", "--tables"], ["a", "b"], None),
        (["a", "SELECT '" + 5000 * "x" + "'"], ["a"], "SELECT '" + 5000 * "x" + "'"),
        (["a", "SELECT '\0'"], ["a"], "SELECT '\0'"),
    ],
)
def test_a_query_has_folders_and_last_the_sql(
    words: list[str], paths: list[str], sql: str | None, tmp_path: Path
) -> None:
    options = arguments.parsed(["query", *(word.format(root=tmp_path) for word in words), "--where", "seed=0"])
    assert options.paths == [Path(path.format(root=tmp_path)) for path in paths]
    assert (options.sql, options.where) == (sql, ["seed=0"])


def test_conditions_of_a_query_may_stand_before_the_sql() -> None:
    options = arguments.parsed(["query", "a", "b", "--where", "seed=0", "SELECT 1"])
    assert (options.paths, options.sql, options.where) == ([Path("a"), Path("b")], "SELECT 1", ["seed=0"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table"], "required: PATH"),
        (["tabel", "a"], "invalid choice: 'tabel'"),
        (["table", "a", "--limit", "0"], "0 is less than 1"),
        (["table", "a", "--width", "20"], "20 is less than 40"),
        (["table", "a", "--format", "xml"], "invalid choice: 'xml'"),
        (["query", "a", "--limit", "x"], "invalid"),
        (["plot"], "required: PATH"),
        (["table", "a", "--where", "b=1", "c", "--limitt"], "unrecognized arguments: c --limitt"),
        (["query", "a", "--where", "b=1", "c", "--limitt"], "unrecognized arguments: c --limitt"),
    ],
)
def test_wrong_arguments_end_with_code_two(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        arguments.parsed(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_list_of_plots_needs_no_folder() -> None:
    assert arguments.parsed(["plot", "--list"]).path is None
    assert arguments.parsed(["plot", "a", "ssr_bars"]).path == Path("a")


@pytest.mark.parametrize("command", ["table", "compare", "corruption-error", "plot", "report", "compact", "query"])
def test_the_usage_fits_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        arguments.parsed([command, "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
