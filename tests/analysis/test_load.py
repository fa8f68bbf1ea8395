"""Loading: tables by name, damage named, the package cheap to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import analysis
from frequency_reg.records import TABLES
from tests.analysis.synthetic import write_run, write_sweep


def test_a_sweep_gives_every_table(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert set(TABLES) <= set(records)
    assert len(records["run"]) == 15
    assert records["ssr"]["run_id"].nunique() == 15
    assert records.damaged == ()
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
