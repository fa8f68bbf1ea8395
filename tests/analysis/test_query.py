"""SQL from the command line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import query
from analysis.cache import compacted as compact
from frequency_reg.records import TABLES

REFERENCE = Path(__file__).parents[2] / "outputs" / "reference"


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_an_answer_is_that_of_the_records(records: analysis.Records) -> None:
    frame = query.answer(records, "SELECT regularizer, favg(clean_accuracy) AS clean FROM run JOIN runs USING (run_id) "
                                  "WHERE seed = '1' GROUP BY regularizer ORDER BY clean")  # fmt: skip
    run = records["run"]
    expected = run[run["config.seed"] == 1].groupby("config.regularizer")["clean_accuracy"].mean().sort_values()
    assert frame["regularizer"].tolist() == expected.index.tolist()
    assert frame["clean"].tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{folder}/x.csv'",
        "EXPORT DATABASE '{folder}/x'",
        "ATTACH '{folder}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
    ],
)
def test_no_query_reaches_a_file(records: analysis.Records, text: str, tmp_path: Path) -> None:
    with pytest.raises(analysis.AnalysisError, match="the query failed") as caught:
        query.answer(records, text.format(folder=tmp_path))
    assert "root:" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_query_gives_the_databases_words_on_one_line(records: analysis.Records) -> None:
    with pytest.raises(analysis.AnalysisError, match=r"the query failed: .*SELEC") as caught:
        query.answer(records, "SELEC\n1")
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith("^")
    with pytest.raises(analysis.AnalysisError, match="clean_acc"):
        query.answer(records, "SELECT clean_acc FROM run")


def test_a_second_statement_is_not_dropped(records: analysis.Records) -> None:
    with pytest.raises(analysis.AnalysisError, match="2 statements; give one"):
        query.answer(records, "select 1; select 2")
    assert query.answer(records, "select ';' as a;").iloc[0, 0] == ";"


def test_the_terminal_shortens_values_and_wraps_columns() -> None:
    frame = pd.DataFrame({"long": ["x" * 200, "\x1b[31mred"], **{f"column_{i}": [i, 0.5] for i in range(12)}})
    text = query.terminal(frame)
    assert max(map(len, text.splitlines())) <= 80
    assert "x" * 39 + "…" in text
    assert "\x1b" not in text
    assert all(f"column_{i}" in text for i in range(12))
    assert text.endswith("2 rows.")


def test_long_answers_are_cut_and_say_so() -> None:
    frame = pd.DataFrame({"a": range(250)})
    assert query.terminal(frame).endswith("100 rows; 150 more: --limit N (0: all), or --format csv.")
    assert query.terminal(frame, limit=0).endswith("\n250 rows.")
    assert query.terminal(frame.head(1)).endswith("\n1 row.")
    assert query.terminal(pd.DataFrame()) == "No rows."


def test_the_catalogue_names_every_table_view_and_recorded_column(records: analysis.Records) -> None:
    text = query.catalogue(records)
    assert max(map(len, text.splitlines())) <= 80
    blocks = {block.partition(":")[0]: " ".join(block.split()) for block in text.split("\n\n")}
    for table, schema in TABLES.items():
        for entry in schema:
            words = " ".join(entry.metadata[b"definition"].decode().split())
            assert f" {entry.name} " in blocks[table], (table, entry.name)
            assert words in blocks[table], (table, entry.name)
    assert "[cycle per kernel]" in blocks["spectra"]
    views = re.findall(r"VIEW (\w+)", (Path(query.__file__).parent / "views.sql").read_text())
    assert set(views) <= set(blocks)
    assert blocks["ssr_final"].startswith("ssr_final: The SSR of every layer after each run's last epoch.")
    assert "runs" in blocks
    assert not any(name.startswith("loose_") for name in blocks)


@pytest.mark.parametrize("compacted", [False, True])
def test_a_diagnostics_table_is_told_in_its_own_words(tmp_path: Path, compacted: bool) -> None:
    run = next((REFERENCE / "rivals_short").glob("*seed=0*/attacks.parquet")).parent
    shutil.copytree(run, tmp_path / "s" / run.name)
    if compacted:
        compact(tmp_path / "s")
    text = " ".join(query.catalogue(analysis.load(tmp_path / "s")).split())
    assert "eps double: largest norm of the perturbation, pixels in [0, 1]; 0 is the clean set" in text
    assert "accuracy double: share of images classified correctly both clean and after every restart" in text
    assert "accuracy double: accuracy on the corrupted split" in text  # robustness, which has a column of that name


def test_meanings_of_columns_that_mean_one_thing(records: analysis.Records) -> None:
    names = ["radius", "my_own", "config.model", "provenance.torch", "n", "value", "status"]
    found = query.meanings(pd.DataFrame({name: [1.0] for name in names}), records)
    assert found == {
        "radius": ("sqrt(f_u^2 + f_v^2), f = fftfreq(k) * k", "cycle per kernel"),
        "config.model": ("of the configuration", "1"),
        "provenance.torch": ("what made the run", "1"),
    }


def test_a_name_that_two_tables_use_for_two_things_is_not_explained() -> None:
    records = analysis.load(REFERENCE / "rivals_short")
    assert "accuracy" not in query.meanings(pd.DataFrame({"accuracy": [1.0]}), records)  # robustness and attacks
    assert "eps" in query.meanings(pd.DataFrame({"eps": [1.0]}), records)
