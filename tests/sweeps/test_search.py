"""A search through the command line: real runs, killed with everything that belongs to it, played again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.run_id import recorded_run
from tests.conftest import SMALL

SEARCH = [
    "-m",
    *SMALL,
    "name=s",
    "hydra/sweeper=optuna",
    "hydra.sweeper.objectives={validation_accuracy:maximize,ssr/first/dc/init:maximize}",
    "hydra.sweeper.pruner={_target_:optuna.pruners.MedianPruner,n_startup_trials:3}",
    "hydra.sweeper.prune_on=validation_accuracy",
    "regularizer=none,weight_decay,dropout",
    "regularizer.weight_decay=tag(log,interval(1e-5,1e-1))",
    "regularizer.dropout=interval(.1,.7)",
]


def start(folder: Path, trials: int) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "frequency_reg", *SEARCH, f"hydra.sweeper.n_trials={trials}"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)  # fmt: skip


def ended(folder: Path) -> dict[Path, bytes]:
    """Files of the runs that are over."""
    over = {d: (recorded_run(d) or {}).get("status", "running") for d in folder.glob("outputs/s/digits*")}
    runs = [d for d, status in over.items() if status not in ("running", "killed")]
    return {file: file.read_bytes() for run in runs for file in run.glob("*.parquet")}


@pytest.mark.parametrize(("trials", "kills"), [(6, 1), pytest.param(20, 3, marks=pytest.mark.slow)])
def test_a_search_that_was_killed_ends_with_the_suggestions_and_the_front_of_one_that_was_not(tmp_path, trials, kills):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    assert start(whole, trials).wait(timeout=600) == 0
    frozen: dict[Path, bytes] = {}
    for kill in range(kills):
        process = start(pieces, trials)
        deadline, wanted = time.monotonic() + 300, (kill + 1) * trials // (kills + 1)
        while len(list(pieces.glob("outputs/s/digits*/run.parquet"))) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert {file: file.read_bytes() for file in frozen} == frozen, "finished runs are left alone"
        frozen = ended(pieces)
    assert start(pieces, trials).wait(timeout=600) == 0
    tables = [pq.read_table(folder / "outputs" / "s" / "trials.parquet").to_pylist() for folder in (whole, pieces)]
    assert tables[0] == tables[1]
    assert len({row["trial"] for row in tables[0]}) == trials
    digests = [
        {run.name: records.content_digest(run) for run in folder.glob("outputs/s/digits*")}
        for folder in (whole, pieces)
    ]
    assert digests[0] == digests[1]


def test_a_search_without_a_complete_trial_ends_with_1_and_says_why(tmp_path):
    search = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "optimizer.lr=interval(.01,.1)", "corruption=[]"]
    pruner = "hydra.sweeper.pruner={_target_:optuna.pruners.ThresholdPruner,lower:2}"  # no accuracy is that large
    small = [text for text in SMALL if not text.startswith("corruption")]
    command = [sys.executable, "-m", "frequency_reg", "-m", *small, "name=s", *search, pruner]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert "error: no trial of this search is complete; the last one: at epoch 1\n" in done.stderr
    assert "0 of 2 runs complete, 2 pruned" in done.stdout
