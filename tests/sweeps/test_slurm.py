"""The Slurm backend: its rules with fakes, and its promises on a real Slurm of two nodes (slow)."""

from __future__ import annotations

import inspect
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from frequency_reg import presence
from frequency_reg.compose import CONFIG_DIRECTORY
from frequency_reg.config import ConfigError
from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.run_id import recorded_run
from sweeps import slurm
from sweeps.backend import Ended, Task
from tests.conftest import SMALL
from tests.sweeps.live_sweep import LiveSweep, in_training, wait_until
from tests.sweeps.slurm_cluster import SlurmCluster, missing

pytest.importorskip("submitit", reason="pip install frequency-reg[slurm]")


def parameters(folder: Path, **changes: object) -> dict:
    """The launcher's own defaults with ``changes``."""
    node = OmegaConf.load(CONFIG_DIRECTORY / "hydra" / "launcher" / "slurm.yaml")
    own = ("_target_", "retries", "max_failures", "submitit_folder", "name")
    plain = {str(key): OmegaConf.select(node, str(key)) for key in node if key not in own}
    plain["additional_parameters"] = {}
    return {**plain, "submitit_folder": str(folder / ".submitit"), "name": "test", **changes}


# --- rules, with fakes -----------------------------------------------------------------------------------------------


def test_configuration_has_exactly_the_keys_that_the_launcher_takes(tmp_path):
    from hydra_plugins.frequency_reg_slurm_launcher import SlurmLauncher

    node = OmegaConf.load(CONFIG_DIRECTORY / "hydra" / "launcher" / "slurm.yaml")
    assert {str(key) for key in node} - {"_target_"} == set(inspect.signature(SlurmLauncher).parameters)
    slurm.check(parameters(tmp_path))


@pytest.mark.parametrize(("minutes", "delay", "works"), [(3, 30, True), (3, 31, False), (2, 1, False), (60, 120, True)])
def test_warning_that_could_come_in_the_first_half_of_the_time_is_refused(tmp_path, minutes, delay, works):
    given = parameters(tmp_path, timeout_min=minutes, signal_delay_s=delay)
    if works:
        slurm.check(given)
        return
    with pytest.raises(ConfigError) as caught:
        slurm.check(given)
    assert str(caught.value) == (
        f"hydra.launcher.signal_delay_s={delay} with hydra.launcher.timeout_min={minutes} ({60 * minutes} s): a run "
        "could be told to stop in the first half of its time, as Slurm may send the signal 60 s early; expected "
        "signal_delay_s + 60 of at most half of the time; raise timeout_min or lower signal_delay_s"
    )


def test_a_machine_without_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        slurm.SlurmBackend(parameters(tmp_path))
    assert str(caught.value) == (
        "hydra/launcher=slurm: sbatch, srun, squeue, scancel not found on this machine's PATH; start the sweep where "
        "jobs can be submitted, or run it here with hydra/launcher=local"
    )


@pytest.mark.parametrize(
    ("changes", "threads"),
    [
        ({"cpus_per_task": 3}, 3),
        ({"cpus_per_task": None, "gpus_per_task": 1, "cpus_per_gpu": 6}, 6),
        ({"cpus_per_task": None, "gpus_per_node": 2, "cpus_per_gpu": 4}, 8),
        ({"cpus_per_task": None}, 1),
    ],
)
def test_threads_are_the_cpus_of_the_job(tmp_path, changes, threads):
    assert slurm.limits(parameters(tmp_path, **changes)).threads == threads


def test_squeue_is_parsed_line_by_line():
    text = "12_0|RUNNING\n12_1|PENDING\nsqueue: warning: a|b\n\n7|CANCELLED\nslurm_load_jobs error: Invalid job id\n"
    assert slurm.parse(text) == {"12_0": "RUNNING", "12_1": "PENDING", "7": "CANCELLED"}


def fake_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Programs in PATH that do as told; those not named do nothing."""
    for program in ("sbatch", "srun", "squeue", "scancel"):
        (folder / program).write_text("#!/bin/sh\n" + scripts.get(program, "exit 0") + "\n")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def ended(backend: slurm.SlurmBackend, count: int = 1) -> list[Ended]:
    """What ``wait`` reports until ``count`` tasks ended."""
    found: list[Ended] = []
    wait_until(lambda: found.extend(backend.wait(0.1)) or len(found) >= count, 30, f"{count} tasks to end")
    return found


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=41.0.", "oom"),
        ("slurmstepd: error: Detected 1 oom-kill event(s) in step 41.0 cgroup.", "oom"),
        ("srun: error: node1: task 0: Killed", "died"),
    ],
)
def test_memory_exhaustion_is_known_by_the_log_of_the_job(tmp_path, small, monkeypatch, said, how):
    fake_slurm(tmp_path, monkeypatch, sbatch="echo Submitted batch job 41", squeue="echo '41|FAILED'")
    backend = slurm.SlurmBackend(parameters(tmp_path), queue_seconds=0.05)
    backend.submit(Task(small()))
    backend.wait(0)
    [folder] = (tmp_path / ".submitit").iterdir()
    (folder / "41_0_log.err").write_text(f"{said}\n")
    [end] = ended(backend)
    backend.close()
    assert end.how == how


@pytest.mark.parametrize(
    ("state", "how", "detail"),
    [
        ("echo '41|FAILED'", "died", "Slurm job 41 ended as FAILED without a result (its log: ../../.submitit/"),
        ("echo '41|TIMEOUT'", "timeout", "Slurm job 41 reached timeout_min=60 and did not stop"),
        ("echo '41|OUT_OF_MEMORY'", "oom", "Slurm job 41 used more memory than it was given"),
        ("exit 0", "died", "Slurm job 41 is gone from the queue without a result (its log: ../../.submitit/"),
        (
            "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1",
            "died",
            "Slurm job 41 is gone from the queue without a result (its log: ../../.submitit/",
        ),
    ],
)
def test_a_job_without_a_result_is_judged_by_squeue(tmp_path, small, monkeypatch, state, how, detail):
    fake_slurm(tmp_path, monkeypatch, sbatch="echo Submitted batch job 41", squeue=state)
    backend = slurm.SlurmBackend(parameters(tmp_path), queue_seconds=0.05)
    backend.submit(Task(small()))
    [end] = ended(backend)
    backend.close()
    assert (end.how, end.outcome) == (how, None)
    assert end.detail.startswith(detail)


def test_a_silent_controller_ends_no_job(tmp_path, small, monkeypatch):
    answers = tmp_path / "asked"
    squeue = f"echo x >> {answers}; echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1"
    fake_slurm(tmp_path, monkeypatch, sbatch="echo Submitted batch job 41", squeue=squeue)
    backend = slurm.SlurmBackend(parameters(tmp_path), queue_seconds=0.02)
    backend.submit(Task(small()))
    reported: list[Ended] = []
    wait_until(
        lambda: reported.extend(backend.wait(0.02)) or (answers.exists() and answers.read_text().count("x") > 3),
        20,
        "four questions",
    )
    backend.close()
    assert reported == []


def test_refused_jobs_are_one_message(tmp_path, small, monkeypatch):
    fake_slurm(tmp_path, monkeypatch, sbatch="echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1")
    backend = slurm.SlurmBackend(parameters(tmp_path, partition="nope"))
    backend.submit(Task(small()))
    with pytest.raises(ConfigError) as caught:
        backend.wait(0)
    backend.close()
    assert str(caught.value) == (
        "hydra/launcher=slurm: the cluster refuses the jobs (sbatch: error: invalid partition specified: nope); check "
        "partition, account, qos, timeout_min, cpus_per_task, mem_gb and array_parallelism in hydra.launcher"
    )


def test_interrupt_drops_what_was_never_submitted(tmp_path, small, monkeypatch):
    fake_slurm(tmp_path, monkeypatch)
    backend = slurm.SlurmBackend(parameters(tmp_path))
    task = Task(small())
    backend.submit(task)
    backend.interrupt()
    [end] = backend.wait(0)
    backend.close()
    assert end.how == "returned"
    assert end.outcome is not None
    assert end.outcome.status == "killed"


def launcher_without(module: str, monkeypatch: pytest.MonkeyPatch) -> type:
    """The launcher's class as Hydra finds it where ``module`` is not installed."""
    monkeypatch.setitem(sys.modules, module, None)
    found = runpy.run_path(str(CONFIG_DIRECTORY.parent / "hydra_plugins" / "frequency_reg_slurm_launcher.py"))
    launcher: type = found["SlurmLauncher"]
    return launcher


def launcher_arguments(folder: Path) -> dict:
    return {**parameters(folder), "retries": 1, "max_failures": None}


@pytest.mark.parametrize("module", ["submitit", "hydra_plugins.hydra_submitit_launcher.submitit_launcher"])
def test_without_the_extra_the_plugin_loads_and_one_message_says_what_to_install(tmp_path, monkeypatch, module):
    launcher = launcher_without(module, monkeypatch)(**launcher_arguments(tmp_path))
    with pytest.raises(ConfigError) as caught:
        launcher.launch([], 0)
    assert str(caught.value) == "hydra/launcher=slurm: submitit is not installed; pip install frequency-reg[slurm]"


def test_the_launcher_is_hydra_submitits_with_our_waiting(tmp_path):
    from hydra_plugins.frequency_reg_slurm_launcher import SlurmLauncher

    launcher = SlurmLauncher(**launcher_arguments(tmp_path))
    # by name: Hydra executes plugin modules anew, so that classes are not the same objects
    assert "hydra_plugins.hydra_submitit_launcher.submitit_launcher" in [c.__module__ for c in SlurmLauncher.__mro__]
    assert launcher.params == parameters(tmp_path)


# --- a real Slurm ----------------------------------------------------------------------------------------------------

real = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as folder:
        cluster = SlurmCluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def at_cluster(cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """The cluster, as this process's own, with no job in it."""
    for key, value in cluster.environment.items():
        monkeypatch.setenv(key, value)
    yield cluster
    cluster.clear()


LONG = "epochs=30"


def sweep_of(tasks: list[Task], folder: Path, **changes: object) -> LiveSweep:
    """The engine at work on the cluster."""
    return LiveSweep(tasks, slurm.SlurmBackend(parameters(folder, **changes), queue_seconds=0.5))


@pytest.fixture
def uninterrupted(tmp_path, small) -> str:
    """Digest of the records of the long run with seed 0, done here and in one go."""
    return content_digest(run(small(LONG, f"outputs={tmp_path}/other")).directory)


class TestRealSlurm:
    """What a person may do to a sweep's jobs, and what must come of it."""

    pytestmark = real

    def test_runs_complete_in_one_array_and_job_files_go(self, at_cluster, small, tmp_path):
        tasks = [Task(small(f"seed={seed}")) for seed in range(4)]
        sweep = sweep_of(tasks, tmp_path)
        wait_until(lambda: at_cluster.command("squeue", "--noheader"), 20, "jobs")
        jobs = at_cluster.command("squeue", "--noheader", "--array", "--format=%i").split()
        assert len({job.split("_")[0] for job in jobs}) == 1
        assert sweep.ends() == ["complete"] * 4
        assert not (tmp_path / ".submitit").exists()
        assert content_digest(tasks[0].directory) == content_digest(
            run(small("seed=0", f"outputs={tmp_path}/other")).directory
        )

    @pytest.mark.usefixtures("at_cluster")
    def test_killed_job_goes_on_and_the_other_is_not_disturbed(self, small, tmp_path, uninterrupted):
        tasks = [Task(small(LONG)), Task(small("seed=1"))]
        sweep = sweep_of(tasks, tmp_path)
        os.kill(in_training(tasks[0]).pid, signal.SIGKILL)
        assert sweep.ends() == ["complete", "complete"]
        assert [line for line in sweep.lines if "it is tried again" in line] != []
        assert content_digest(tasks[0].directory) == uninterrupted

    @pytest.mark.usefixtures("at_cluster")
    def test_job_killed_twice_is_killed(self, small, tmp_path):
        task = Task(small("epochs=400"))
        sweep = sweep_of([task], tmp_path)
        first = in_training(task)
        os.kill(first.pid, signal.SIGKILL)
        os.kill(in_training(task, not_pid=first.pid).pid, signal.SIGKILL)
        assert sweep.ends() == ["killed"]
        assert "ended as FAILED without a result" in sweep.outcomes[0].detail
        assert (recorded_run(task.directory) or {})["status"] == "killed"

    def test_requeued_job_goes_on_from_its_checkpoint(self, at_cluster, small, tmp_path, uninterrupted):
        task = Task(small(LONG))
        sweep = sweep_of([task], tmp_path)
        in_training(task)
        job = at_cluster.command("squeue", "--noheader", "--format=%i")
        at_cluster.command("scontrol", "requeue", job)
        assert sweep.ends() == ["complete"]
        assert sweep.lines[0].startswith("[1/1] complete")  # it never counted as died
        assert content_digest(task.directory) == uninterrupted

    def test_preempted_job_goes_on_from_its_checkpoint(self, at_cluster, small, tmp_path, uninterrupted):
        task = Task(small(LONG))
        sweep = sweep_of([task], tmp_path)
        in_training(task)
        everything = ["--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null"]
        at_cluster.command("sbatch", *everything, "--wrap=sleep 1")
        assert sweep.ends() == ["complete"]
        assert sweep.lines[0].startswith("[1/1] complete")
        assert content_digest(task.directory) == uninterrupted

    def test_job_near_its_time_limit_is_requeued(self, at_cluster, small, tmp_path, uninterrupted):
        task = Task(small(LONG))
        sweep = sweep_of([task], tmp_path, timeout_min=5, signal_delay_s=30)
        in_training(task)
        job = at_cluster.command("squeue", "--noheader", "--format=%i")
        at_cluster.command("scancel", "--signal=USR2", job)  # what Slurm itself does signal_delay_s before the limit
        assert sweep.ends() == ["complete"]
        assert sweep.lines[0].startswith("[1/1] complete")
        assert content_digest(task.directory) == uninterrupted

    def test_time_limit_reached_too_often_is_a_timeout(self, at_cluster, small, tmp_path):
        task = Task(small("epochs=400"))
        sweep = sweep_of([task], tmp_path, timeout_min=5, signal_delay_s=30, max_num_timeout=0)
        in_training(task)
        at_cluster.command("scancel", "--signal=USR2", at_cluster.command("squeue", "--noheader", "--format=%i"))
        assert sweep.ends() == ["timeout"]
        assert "not finished when its job had been requeued max_num_timeout times" in sweep.outcomes[0].detail
        assert (recorded_run(task.directory) or {})["status"] == "timeout"

    def test_interrupt_leaves_records_and_an_empty_queue(self, at_cluster, small, tmp_path):
        tasks = [Task(small("epochs=400", f"seed={seed}")) for seed in range(6)]  # 4 fit, 2 wait in the queue
        backend = slurm.SlurmBackend(parameters(tmp_path), queue_seconds=0.5)
        for task in tasks:
            backend.submit(task)
        backend.wait(0)
        wait_until(
            lambda: backend.wait(0) or sum(presence.holder(t.directory) is not None for t in tasks) == 4, 60, "4"
        )
        backend.interrupt()
        outcomes = [end.outcome for end in ended(backend, 6)]
        backend.close()
        assert [outcome.status for outcome in outcomes if outcome] == ["killed"] * 6
        recorded = [(recorded_run(task.directory) or {}).get("status") for task in tasks]
        assert recorded.count("killed") == 4
        assert recorded.count(None) == 2
        wait_until(lambda: at_cluster.command("squeue", "--noheader") == "", 30, "an empty queue")

    def test_lost_node(self, at_cluster, small, tmp_path, uninterrupted):
        task = Task(small(LONG))
        sweep = sweep_of([task], tmp_path)
        in_training(task)
        node = at_cluster.command("squeue", "--noheader", "--format=%N")
        at_cluster.lose(node)
        assert sweep.ends() == ["complete"]
        assert content_digest(task.directory) == uninterrupted
        at_cluster.start_node(node)
        wait_until(lambda: at_cluster.states() == ["idle"] * 2, 60, "the node's return")

    def test_controller_that_is_away_for_a_while(self, at_cluster, small, tmp_path):
        tasks = [Task(small(LONG)), Task(small("seed=1"))]
        sweep = sweep_of(tasks, tmp_path)
        in_training(tasks[0])
        at_cluster.kill("slurmctld")
        wait_until(lambda: presence.holder(tasks[0].directory) is None, 60, "the end of a run that nobody controls")
        at_cluster.start_controller()
        assert sweep.ends() == ["complete", "complete"]
        assert [line for line in sweep.lines if "tried again" in line] == []

    @pytest.mark.usefixtures("at_cluster")
    def test_killed_submitter_loses_nothing(self, small, tmp_path):
        overrides = [*SMALL, LONG, "seed=0,1", f"outputs={tmp_path}/outputs", "hydra/launcher=slurm"]
        command = [sys.executable, "-m", "frequency_reg", "-m", *overrides]
        tasks = [Task(small(LONG, f"seed={seed}")) for seed in (0, 1)]
        submitter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        in_training(tasks[0])
        submitter.kill()
        submitter.wait()
        again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert again.returncode == 0, again.stderr
        assert "2 of 2 runs complete" in again.stdout
        starts = [(task.directory / "log.txt").read_text().count("--- ") for task in tasks]
        assert starts == [1, 1]  # the jobs went on, and the second command waited for them
