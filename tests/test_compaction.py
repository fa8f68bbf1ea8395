"""The compacted cache: same answers, never stale, safe to kill, safe to read from a stranger."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

import analysis
from frequency_reg import compaction
from frequency_reg.compaction import compact
from frequency_reg.records import RecordsError, run_directories
from tests.analysis.synthetic import SWEEP, edit, write_run, write_sweep

TABLES = ("run", "epochs", "spectra", "ssr", "ssr_null", "robustness", "regularizer")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "s", seeds=(0, 1))


def rows(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in one order, NULL as None."""
    records = analysis.load(root)
    found = {}
    for table in TABLES:
        frame = records[table].astype(object)
        frame = frame[sorted(frame.columns)].where(frame.notna(), None)
        found[table] = sorted(frame.itertuples(index=False, name=None), key=repr)
    return found


def loose(root: Path) -> list[str]:
    return [folder.name for folder in compaction.split(root, run_directories(root)).loose]


def test_answers_are_the_same_with_and_without_the_cache(root: Path) -> None:
    before = rows(root)
    assert compact(root, run_directories(root)) == 10
    assert loose(root) == []
    assert rows(root) == before
    shutil.rmtree(root / ".compact")
    assert rows(root) == before


def test_records_are_not_touched_and_compacting_again_does_nothing(root: Path) -> None:
    files = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in root.rglob("*.parquet")}
    compact(root, run_directories(root))
    assert compact(root, run_directories(root)) == 0
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in root.rglob("*.parquet")} == files


def test_a_changed_a_new_and_a_deleted_run_are_seen(root: Path) -> None:
    compact(root, run_directories(root))
    edit(root / "run-0-0", "run", lambda run: run.assign(clean_accuracy=0.5))
    write_run(root / "later", SWEEP[0], 7)
    shutil.rmtree(root / "run-1-1")
    assert loose(root) == ["later", "run-0-0"]
    run = analysis.load(root)["run"].set_index("run_name")["clean_accuracy"]
    assert len(run) == 10
    assert run["run-0-0"] == 0.5
    assert "run-1-1" not in run
    assert compact(root, run_directories(root)) == 2
    assert loose(root) == []
    assert analysis.load(root)["run"].set_index("run_name")["clean_accuracy"].to_dict() == run.to_dict()


def test_a_segment_that_is_mostly_stale_is_written_anew(root: Path) -> None:
    compact(root, run_directories(root))
    for name in ("run-0-0", "run-0-1", "run-1-0", "run-1-1", "run-2-0", "run-2-1"):
        edit(root / name, "run", lambda run: run.assign(clean_accuracy=0.5))
    assert compact(root, run_directories(root)) == 10
    index = json.loads((root / ".compact" / "index.json").read_text())
    assert [len(segment["runs"]) for segment in index["segments"]] == [10]


def test_running_killed_and_damaged_runs_are_read_from_their_own_folders(root: Path) -> None:
    write_run(root / "running", SWEEP[0], 8, clean=None, status="running")
    (root / "run-0-0" / "ssr.parquet").write_bytes(b"torn")
    compact(root, run_directories(root))
    assert loose(root) == ["run-0-0", "running"]
    records = analysis.load(root)
    assert [damage.path.parent.name for damage in records.damaged] == ["run-0-0"]
    assert records["run"].set_index("run_name")["status"]["running"] == "killed"


def test_many_runs_are_compacted_by_reading_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "WORTHWHILE", 10)
    assert len(analysis.load(root)["run"]) == 10
    assert loose(root) == []


def test_a_folder_that_refuses_the_cache_is_read_all_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".compact").write_text("a file where the folder should be")
    with pytest.raises(RecordsError, match="could not be written"):
        compact(root, run_directories(root))
    monkeypatch.setattr(compaction, "WORTHWHILE", 1)
    assert len(analysis.load(root)["run"]) == 10


@pytest.mark.parametrize("harm", ["torn file", "lost file", "no index", "other version", "path in a name", "nonsense"])
def test_a_damaged_cache_is_not_believed(root: Path, harm: str) -> None:
    before = rows(root)
    compact(root, run_directories(root))
    index = root / ".compact" / "index.json"
    content = json.loads(index.read_text())
    file = root / ".compact" / content["segments"][0]["name"] / "ssr.rows"
    if harm == "torn file":
        file.write_bytes(file.read_bytes()[:-10])
    elif harm == "lost file":
        file.unlink()
    elif harm == "no index":
        index.unlink()
    elif harm == "other version":
        index.write_text(json.dumps({**content, "version": "0"}))
    elif harm == "path in a name":
        content["segments"][0]["name"] = "../../elsewhere"
        index.write_text(json.dumps(content))
    else:
        index.write_text('{"version": [')
    assert len(loose(root)) == 10
    assert rows(root) == before
    assert compact(root, run_directories(root)) == 10
    assert rows(root) == before


def test_old_segments_go_when_nobody_can_be_reading_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compact(root, run_directories(root))
    (old,) = (folder for folder in (root / ".compact").iterdir() if folder.is_dir())
    for name in ("run-0-0", "run-0-1", "run-1-0", "run-1-1", "run-2-0", "run-2-1"):
        edit(root / name, "run", lambda run: run.assign(clean_accuracy=0.5))
    compact(root, run_directories(root))
    assert old.exists()
    monkeypatch.setattr(compaction, "_UNUSED_FOR", -1.0)
    write_run(root / "later", SWEEP[0], 7)
    compact(root, run_directories(root))
    assert not old.exists()


def _compact_for_ever(root: Path) -> None:
    os.setpgrp()
    while True:
        shutil.rmtree(root / ".compact", ignore_errors=True)
        compact(root, run_directories(root))


def test_a_kill_at_any_moment_leaves_the_answers(root: Path) -> None:
    expected = sorted(analysis.load(root)["run"]["run_name"])
    total = analysis.load(root).sql("SELECT count(*) AS n, sum(value) AS s FROM ssr")
    context = multiprocessing.get_context("forkserver")
    for attempt in range(8):
        worker = context.Process(target=_compact_for_ever, args=(root,), daemon=True)
        worker.start()
        time.sleep(0.5 + 0.037 * attempt)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        records = analysis.load(root)
        assert sorted(records["run"]["run_name"]) == expected
        assert list(records.damaged) == []
        pd.testing.assert_frame_equal(records.sql("SELECT count(*) AS n, sum(value) AS s FROM ssr"), total)


def test_names_are_relative_to_the_folder_however_it_is_called(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert compact(Path(), run_directories(Path())) == 10
    assert compact(root, run_directories(root)) == 0
    assert loose(root) == []
