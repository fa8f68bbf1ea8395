"""Loading: tables by name, damage named, the package cheap to import."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import cache, metric
from frequency_reg.records import TABLES
from tests.analysis.synthetic import SWEEP, edit, write_run, write_sweep


def test_a_sweep_gives_every_table(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert set(TABLES) <= set(records.tables)
    assert len(records["run"]) == 15
    assert records["ssr"]["run_id"].nunique() == 15
    assert list(records.damaged) == []
    assert records.name == "first_sweep"


def test_a_single_run_loads_too(sweep: Path) -> None:
    records = analysis.load(sweep / "run-0-1")
    assert records["run"]["run_name"].tolist() == ["run-0-1"]
    assert len(records["robustness"]) == 7  # noise: clean + 2; resize: clean + 3


def test_a_damaged_file_is_named_and_the_rest_loads(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1))
    (root / "run-0-0" / "ssr.parquet").write_bytes(b"torn")
    records = analysis.load(root)
    assert [damage.path for damage in records.damaged] == [root / "run-0-0" / "ssr.parquet"]
    assert len(records["run"]) == 10
    assert records["ssr"]["run_id"].nunique() == 9


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", {"regularizer": "none"}, 0)
    (tmp_path / "s" / "a" / "run.parquet").write_bytes(b"torn")
    with pytest.raises(analysis.AnalysisError, match=r"no run table could be read .*run\.parquet"):
        analysis.load(tmp_path / "s")


def test_missing_path_and_missing_records(tmp_path: Path) -> None:
    with pytest.raises(analysis.AnalysisError, match="no such folder"):
        analysis.load(tmp_path / "nowhere")
    with pytest.raises(analysis.AnalysisError, match="no records here"):
        analysis.load(tmp_path)


def test_tables_need_no_plotting_library_torch_or_hydra() -> None:
    code = (
        "import sys, analysis, analysis.table, analysis.compare;"
        "print(sorted({'matplotlib', 'seaborn', 'torch', 'hydra', 'omegaconf'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_a_copied_run_counts_once_and_is_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0)
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "copy")
    records = analysis.load(tmp_path)
    assert len(records["run"]) == 1
    assert list(records.repeated) == [tmp_path / "b" / "copy"]
    assert records.sql("SELECT count(*) AS n FROM robustness")["n"].tolist() == [7]


@pytest.mark.parametrize("first_is_compacted", [False, True])
@pytest.mark.parametrize("second_is_compacted", [False, True])
def test_a_complete_run_counts_before_its_failed_copy(
    tmp_path: Path, first_is_compacted: bool, second_is_compacted: bool
) -> None:
    write_run(tmp_path / "one" / "a", {"regularizer": "none"}, 0, status="failed", clean=None)
    write_run(tmp_path / "two" / "a", {"regularizer": "none"}, 0)
    for name, compacted in (("one", first_is_compacted), ("two", second_is_compacted)):
        if compacted:
            cache.compacted(tmp_path / name)
    records = analysis.load([tmp_path / "one", tmp_path / "two"])
    assert records["run"]["status"].tolist() == ["complete"]
    assert list(records.repeated) == [tmp_path / "one" / "a"]
    assert len(records["robustness"]) == 7


def test_a_run_reached_by_two_paths_is_no_copy_of_itself(tmp_path: Path) -> None:
    write_run(tmp_path / "s" / "a", {"regularizer": "none"}, 0)
    (tmp_path / "link").symlink_to(tmp_path / "s")
    records = analysis.load([tmp_path, tmp_path / "s", tmp_path / "link"])
    assert len(records["run"]) == 1
    assert list(records.repeated) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM '{file}'",
        "COPY run TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM secret_frame",
    ],
)
def test_a_query_reaches_nothing_but_the_records(sweep: Path, tmp_path: Path, query: str) -> None:
    secret_frame = pd.DataFrame({"x": [1]})  # noqa: F841 - a query must not see it
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    text = query.format(file=tmp_path / "secret.csv", folder=tmp_path)
    with pytest.raises(analysis.AnalysisError, match="the query failed"):
        analysis.load(sweep).sql(text)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_narrowing_keeps_names_and_shows_no_other_run(sweep: Path) -> None:
    few = analysis.load(sweep).narrowed(["dropout 0.5"])
    assert few.configurations.table["configuration"].tolist() == ["dropout 0.5"]
    assert few.sql("SELECT count(DISTINCT run_id) AS n FROM ssr")["n"].tolist() == [3]


def test_choosing_names_the_rest_anew(sweep: Path) -> None:
    records = analysis.load(sweep)
    decayed = records.chosen((records["run"]["config.regularizer"] == "weight_decay").tolist())
    assert decayed.configurations.table["total"].tolist() == [3, 3]
    assert decayed.sql("SELECT count(DISTINCT run_id) AS n FROM robustness")["n"].tolist() == [6]


def test_several_folders_are_read_together(sweep: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "other" / "a", {"regularizer": "none"}, 9)
    records = analysis.load([sweep / "run-0-0", tmp_path / "other", sweep / "run-0-0"])
    assert sorted(records["run"]["run_name"]) == ["a", "run-0-0"]
    assert records.name == "run-0-0 + other"
    assert [path.name for path in records.repeated] == []


def test_a_folder_without_its_run_table_is_damage_and_counted(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=())
    (root / "run-0-0" / "run.parquet").unlink()
    (root / "run-0-1" / "run.parquet").write_bytes(b"torn")
    (root / "run-1-0" / "epochs.parquet").write_bytes(b"torn")
    (root / "lost").mkdir()
    (root / "lost" / "checkpoint-000003.pt").touch()
    (root / "plots").mkdir()
    (root / "plots" / "table.parquet").touch()
    records = analysis.load(root)
    found = {damage.path.parent.name: damage.reason for damage in records.damaged}
    assert sorted(found) == ["lost", "run-0-0", "run-0-1", "run-1-0"]
    assert found["lost"] == "no run.parquet beside the checkpoint of a run"
    assert found["run-0-0"] == "no run.parquet beside the tables of a run"
    assert records.damaged_runs == 3
    assert sorted(records["run"]["run_name"]) == ["run-1-0", "run-1-1"]


def test_names_of_metrics_are_whole(tmp_path: Path) -> None:
    """A severity without its parameter, and a row without its corruption, name no metric of their own."""
    root = write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:1], layers=())
    edit(root / "run-0-0", "robustness", lambda rows: rows.assign(
        parameter=rows["parameter"].where(rows["severity"] != 1),
        corruption=rows["corruption"].where(rows["severity"] != 3)))  # fmt: skip
    records = analysis.load(root)
    assert "accuracy/resize/16" in metric.names(records)
    assert all(isinstance(name, str) for name in metric.names(records))
    with pytest.raises(analysis.AnalysisError, match="unknown metric 'accuracy/resize/1'"):
        metric.check(records, ["accuracy/resize/1"])


def test_what_does_not_fit_is_left_out_also_beside_a_cache(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:1])
    edit(root / "run-0-0", "robustness", lambda rows: rows.assign(accuracy=1.5))
    for _ in range(2):
        records = analysis.load(root)
        assert [damage.reason for damage in records.damaged] == ["accuracy 1.5 outside [0, 1]"]
        assert records.sql("SELECT count(DISTINCT run_id) AS n FROM robustness")["n"].tolist() == [1]
        cache.compacted(root)
