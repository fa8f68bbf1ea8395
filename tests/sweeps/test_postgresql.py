"""A search watched through a real PostgreSQL server and a real optuna-dashboard."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from frequency_reg.config import ConfigError
from sweeps.mirror import open_mirror
from sweeps.objective import Objective
from tests.sweeps.fake_runs import CONDITIONAL, bench
from tests.sweeps.test_study import TWO, told

pytestmark = pytest.mark.slow
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "geheim"
KEYS = {"n_trials": 12, "parallel": 2, "seeds": [0, 1], "objectives": TWO, "prune_on": "validation_accuracy"}
KEYS["pruner"] = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 2}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_server(command: list[str | Path]) -> None:
    """PostgreSQL refuses to be run by root."""
    other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*other, *map(str, command)], check=True, capture_output=True, timeout=60, cwd="/")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a database of a cluster of our own, which ends with the tests."""
    if not BINARIES:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql")
    binaries, port = BINARIES[-1], free_port()
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    (folder / "password").write_text(PASSWORD)
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        for path in (folder, folder / "password"):
            os.chown(path, account.pw_uid, account.pw_gid)
    data = folder / "data"
    try:
        secret = ["--auth=scram-sha-256", "--username=watcher", f"--pwfile={folder / 'password'}"]
        as_server([binaries / "initdb", "--no-sync", *secret, "-D", data])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        as_server([binaries / "pg_ctl", "-w", "-D", data, "-l", folder / "log", "-o", options, "start"])
        try:
            yield f"postgresql://watcher:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            as_server([binaries / "pg_ctl", "-w", "-m", "immediate", "-D", data, "stop"])
    finally:
        shutil.rmtree(folder)


def watched(made, runs, text: str, name: str, say=print):
    search = made.search(runs, *CONDITIONAL, **KEYS)
    mirror = open_mirror(text, name, "s", search.settings.goals, say)
    try:
        return search.run(mirror)
    finally:
        mirror.close()


def shown(server: str, name: str) -> list[tuple]:
    study = optuna.load_study(study_name=name, storage=server.replace("postgresql:", "postgresql+psycopg2:"))
    return [(t.state.name, t.params, t.values, t.intermediate_values) for t in study.trials]


def test_a_search_that_is_killed_three_times_ends_like_the_uninterrupted_one(tmp_path, server):
    with bench(tmp_path / "whole") as whole:
        expected = watched(whole, whole.runs(), server, "whole")
    with bench(tmp_path / "pieces") as pieces:
        runs = pieces.runs()
        for after in (3, 7, 11):
            runs.interrupt_after = after
            with pytest.raises(KeyboardInterrupt):
                watched(pieces, runs, server, "pieces")
        runs.interrupt_after = float("inf")
        result = watched(pieces, runs, server, "pieces")
    assert told(result) == told(expected)
    assert shown(server, "pieces") == shown(server, "whole")
    assert [state for state, *_ in shown(server, "whole")] == [t.state for t in expected.trials]


def test_a_wrong_password_is_not_shown(server):
    wrong = server.replace(PASSWORD, "falsch")
    with pytest.raises(ConfigError) as error:
        open_mirror(wrong, "s", "s", [Objective("robustness", "maximize")])
    assert "password authentication failed" in str(error.value)
    assert "hydra.sweeper.storage=postgresql://watcher:***@127.0.0.1" in str(error.value)
    assert "falsch" not in str(error.value)


def test_the_dashboard_shows_the_search(tmp_path, server):
    with bench(tmp_path) as made:
        result = watched(made, made.runs(), server, "seen")
    port, dashboard = free_port(), Path(sys.executable).with_name("optuna-dashboard")
    if not dashboard.exists():
        pytest.skip("optuna-dashboard is not installed")
    process = subprocess.Popen(
        [dashboard, "--port", str(port), server.replace("postgresql:", "postgresql+psycopg2:")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        summaries = fetch(f"http://127.0.0.1:{port}/api/studies")["study_summaries"]
        number = next(s["study_id"] for s in summaries if s["study_name"] == "seen")
        detail = fetch(f"http://127.0.0.1:{port}/api/studies/{number}?after=0")
    finally:
        process.terminate()
        process.wait(30)
    assert [t["state"].lower() for t in detail["trials"]] == [t.state.lower() for t in result.trials]
    assert {t["number"] for t in detail["best_trials"]} == result.front


def fetch(address: str) -> dict:
    """The JSON at ``address``, as soon as the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.loads(answer.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
