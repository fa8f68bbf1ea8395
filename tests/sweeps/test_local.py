"""Real processes: whatever happens in one run is that run's status, and the others finish."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from frequency_reg import presence, records
from frequency_reg.compose import make_plan
from frequency_reg.run import run
from frequency_reg.run_id import run_directory
from sweeps.backend import Task
from sweeps.local import LocalBackend, _describe_exit
from sweeps.resources import divide
from sweeps.worker import Limits
from tests.conftest import SMALL

ROOT = Path(__file__).resolve().parents[2]
OPTION = """\
_target_: {faults: tests.sweeps.faults.Faults}
fault: none
number: 0
marker: ""
"""


def sweep(folder: Path, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """``frequency-reg -m`` in ``folder``, with the faulty regularizer to choose."""
    (folder / "conf" / "regularizer").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "regularizer" / "faults.yaml").write_text(OPTION)
    small = [text for text in SMALL if not text.startswith("runtime.progress")]
    command = [sys.executable, "-m", "frequency_reg", "-m", "--config-dir=conf", *small]
    command += ["trusted_packages=[tests]", "name=s", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout)


def heed_signals() -> None:
    """What nohup and a shell's ``&`` would have a command ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def statuses(folder: Path) -> Counter[str]:
    return Counter(records.read(folder / "outputs" / "s")["run"]["status"].to_pylist())


def test_every_fault_is_one_runs_status_and_the_rest_complete(tmp_path):
    faults = "not_a_number,exception,memory,hang,kill,system_exit,none"
    done = sweep(
        tmp_path,
        "regularizer=faults",
        f"regularizer.fault={faults}",
        "seed=0",
        "hydra.launcher.time_limit=20",
        "hydra.launcher.memory_limit=4",
        "hydra.launcher.workers=2",
    )
    assert done.returncode == 1, done.stderr
    expected = {"diverged": 1, "failed": 1, "oom": 1, "timeout": 1, "killed": 2, "complete": 1}
    assert statuses(tmp_path) == expected
    rows = {r["config.regularizer.fault"]: r for r in records.read(tmp_path / "outputs" / "s")["run"].to_pylist()}
    assert rows["exception"]["status_detail"] == "RuntimeError: an injected exception"
    log = tmp_path / "outputs" / "s" / rows["exception"]["run_name"] / "log.txt"
    assert "Traceback" in log.read_text()
    assert rows["hang"]["status_detail"] == "stopped at the time limit of 20 s"
    assert rows["kill"]["status_detail"] == "its process was ended by signal 9 (SIGKILL), after 2 attempts"
    assert rows["system_exit"]["status_detail"] == "its process ended with code 3, after 2 attempts"
    assert "1 of 7 runs complete" in done.stdout
    assert len(re.findall(r"^\[\d/7\] ", done.stderr, re.MULTILINE)) == 7


def test_a_run_killed_once_is_done_and_equals_one_that_was_not(tmp_path, monkeypatch):
    arguments = ["regularizer=faults", "regularizer.fault=kill_once", "regularizer.marker=marker", "seed=0"]
    interrupted, whole = tmp_path / "interrupted", tmp_path / "whole"
    for folder in (interrupted, whole):
        folder.mkdir()
    done = sweep(interrupted, *arguments)
    assert done.returncode == 0, done.stderr
    assert "it is tried again" in done.stderr
    (whole / "marker").touch()
    monkeypatch.chdir(whole)
    fixed = [*SMALL, "trusted_packages=[tests]", *arguments, f"outputs={whole}/outputs", "name=s"]
    assert run(make_plan(fixed, multirun=False, config_dir=f"{interrupted}/conf").runs[0]).status == "complete"
    digests = {records.content_digest(next((f / "outputs" / "s").glob("digits*"))) for f in (interrupted, whole)}
    assert len(digests) == 1


def test_ctrl_c_leaves_records_and_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "-m", "frequency_reg", "-m", *SMALL, "epochs=30", "seed=0,1,2,3", "name=s"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals)
    wait_for(lambda: list(tmp_path.glob("outputs/s/*/checkpoint-*.pt")))
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the same command goes on where it stopped" in error
    raw = [json.dumps(row) for row in records.read(tmp_path / "outputs" / "s")["run"]["status"].to_pylist()]
    assert set(raw) == {'"killed"'}
    assert not [p for p in (tmp_path / "outputs" / "s").iterdir() if presence.holder(p)]


def test_runs_stop_when_the_sweeps_process_is_killed(tmp_path):
    command = [sys.executable, "-m", "frequency_reg", "-m", *SMALL, "epochs=2000", "seed=0,1", "name=s"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(lambda: list(tmp_path.glob("outputs/s/*/checkpoint-*.pt")))
    signs = [presence.holder(p) for p in (tmp_path / "outputs" / "s").glob("digits*")]
    process.kill()
    process.wait()
    for sign in filter(None, signs):
        wait_for(lambda pid=sign.pid: not Path(f"/proc/{pid}").exists())
    assert set(records.read(tmp_path / "outputs" / "s")["run"]["status"].to_pylist()) == {"killed"}


def wait_for(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def parent(config, limits):  # noqa: ARG001
    return Path(f"/proc/{os.getppid()}/cmdline").read_text()


def test_runs_start_from_a_server_and_are_no_copy_of_the_commands_process(small):
    backend = LocalBackend(workers=1, limits=Limits(), work=parent)
    backend.submit(Task(small()))
    ended = []
    wait_for(lambda: ended.extend(backend.wait(0.1)) or ended)
    backend.close()
    assert "multiprocessing.forkserver" in ended[0].outcome


def test_a_hopeless_memory_limit_is_said_and_hangs_nothing(tmp_path):
    done = sweep(tmp_path, "seed=0,1", "hydra.launcher.memory_limit=0.3", timeout=300)
    assert done.returncode == 1
    assert statuses(tmp_path) == {"oom": 2}
    assert "memory_limit is 0.30 GiB; a run's process has" in done.stderr


def test_files_of_the_current_directory_are_no_modules_to_the_server(tmp_path):
    for name in ("yaml", "sweeps", "torch"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported by mistake')\n")
    command = [str(Path(sys.executable).parent / "frequency-reg"), "-m", *SMALL, "seed=0,1", "name=s"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "mistake" not in done.stdout + done.stderr


def test_a_closed_terminal_lets_runs_leave_their_records(tmp_path):
    command = [sys.executable, "-m", "frequency_reg", "-m", *SMALL, "epochs=2000", "seed=0,1", "name=s"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=heed_signals
    )
    wait_for(lambda: list(tmp_path.glob("outputs/s/*/checkpoint-*.pt")))
    os.killpg(process.pid, signal.SIGHUP)  # as the kernel does
    assert process.wait(timeout=60) == 130
    details = records.read(tmp_path / "outputs" / "s")["run"]["status_detail"].to_pylist()
    assert all(text.startswith("interrupted") for text in details), details


def test_a_backend_without_work_waits_and_reports_nothing():
    backend = LocalBackend(workers=2, limits=Limits())
    assert backend.wait(0.01) == []
    backend.close()
    backend.close()


def test_a_cancelled_task_is_reported(small):
    backend = LocalBackend(workers=1, limits=Limits())
    task = Task(small("epochs=2000"))
    backend.submit(task)
    backend.interrupt()
    ended = []
    wait_for(lambda: ended.extend(backend.wait(0.1)) or ended)
    assert ended[0].task is task
    assert ended[0].how == "died" or ended[0].outcome.status == "killed", ended
    backend.close()
    wait_for(lambda: presence.holder(run_directory(task.config)) is None)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-9, "its process was ended by signal 9 (SIGKILL)"),
        (3, "its process ended with code 3"),
        (None, "with code None"),
    ],
)
def test_exit_codes_in_words(code, text):
    assert text in _describe_exit(code)


@pytest.mark.parametrize(
    ("cores", "places", "workers", "threads", "expected"),
    [
        (2, 0, None, None, (2, 1)),
        (16, 0, None, 4, (4, 4)),
        (16, 0, 4, None, (4, 4)),
        (16, 8, None, None, (8, 2)),
        (2, 0, 5, None, (5, 1)),
        (3, 0, None, 8, (1, 8)),
    ],
)
def test_cores_and_gpus_are_divided(cores, places, workers, threads, expected):
    assert divide(cores, places=places, workers=workers, threads=threads) == expected


@pytest.mark.parametrize(("code", "said"), [(-9, "signal 9 (SIGKILL)"), (-35, "signal 35"), (3, "with code 3")])
def test_how_a_process_ended_is_said_also_of_signals_without_a_name(code, said):
    assert _describe_exit(code).endswith(said)
