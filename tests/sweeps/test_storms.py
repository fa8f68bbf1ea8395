"""Kills at random moments, faults of every kind, many launches at once: what a sweep promises, measured."""

import subprocess
import sys
from collections import Counter

import pytest

from frequency_reg import records
from tests.conftest import SMALL
from tests.sweeps.kill_storm import storm
from tests.sweeps.test_local import statuses, sweep


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_a_kill_storm_loses_doubles_and_changes_nothing(tmp_path, kills):
    report = storm(tmp_path, kills, seed=kills)
    assert report.kills.total() >= kills
    assert report.findings() == []


@pytest.mark.slow
def test_a_hundred_runs_with_every_kind_of_fault_have_exact_statuses(tmp_path):
    """Ten each: NaN, exception, exhausted memory, hang; sixty others complete."""
    done = sweep(
        tmp_path,
        "regularizer=faults",
        "regularizer.fault=by_number",
        "regularizer.number=range(100)",
        "seed=0",
        "hydra.launcher.time_limit=15",
        "hydra.launcher.memory_limit=4",
        timeout=1500,
    )
    assert done.returncode == 1
    assert statuses(tmp_path) == {"diverged": 10, "failed": 10, "oom": 10, "timeout": 10, "complete": 60}
    assert "60 of 100 runs complete" in done.stdout


@pytest.mark.parametrize("launches", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_launches_at_once_share_no_directory_and_lose_no_run(tmp_path, launches):
    """Half of them give one and the same command, half give commands of their own, all into one folder."""
    same = [["seed=0,1,2,3"]] * (launches // 2)
    own = [[f"seed={100 + 2 * i},{101 + 2 * i}"] for i in range(launches - len(same))]
    command = [sys.executable, "-m", "frequency_reg", "-m", *SMALL, "epochs=1", "name=s"]
    processes = [
        subprocess.Popen([*command, *seeds], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for seeds in same + own
    ]
    texts = [process.communicate(timeout=1500)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * launches, "\n".join(texts)
    runs = records.read(tmp_path / "outputs" / "s")
    assert runs.damaged == ()
    seeds = Counter(runs["run"]["config.seed"].to_pylist())
    assert seeds == Counter([0, 1, 2, 3, *range(100, 100 + 2 * len(own))])
    assert set(runs["run"]["status"].to_pylist()) == {"complete"}
    done = sum(text.count("] complete ") for text in texts)
    assert done == len(seeds), "every run was done by exactly one launch"
