"""The Ray backend: its rules with a stand-in for Ray, and its promises on a real Ray of two nodes (slow)."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from frequency_reg import presence
from frequency_reg.compose import CONFIG_DIRECTORY
from frequency_reg.config import ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.run_id import recorded_run
from sweeps import ray_cluster
from sweeps.backend import Task
from tests.sweeps.live_sweep import LiveSweep, in_training, wait_until

for _key, _value in ray_cluster.ENVIRONMENT.items():
    os.environ.setdefault(_key, _value)
exceptions = pytest.importorskip("ray.exceptions", reason="pip install frequency-reg[ray]")


def parameters(**changes: object) -> dict[str, Any]:
    """The launcher's own defaults with ``changes``."""
    plain = OmegaConf.to_container(OmegaConf.load(CONFIG_DIRECTORY / "hydra" / "launcher" / "ray.yaml"))
    assert isinstance(plain, dict)
    return {**{k: v for k, v in plain.items() if k not in ("_target_", "retries", "max_failures")}, **changes}


# --- rules, with a stand-in ------------------------------------------------------------------------------------------


class FakeRay:
    """One node; a task's stream is a list of what it says or raises."""

    def __init__(self, says: list[Any], resources: dict[str, float]) -> None:
        self.says = says
        self.resources = resources
        self.cancelled: list[bool] = []

    def remote(self, **_: object) -> Any:
        return lambda _: SimpleNamespace(remote=lambda *_: iter(self.says))

    def wait(self, streams: list[Any], **_: object) -> tuple[list[Any], list[Any]]:
        return (streams, []) if self.says else ([], streams)

    def get(self, said: Any) -> Any:
        if isinstance(said, Exception):
            raise said
        return said

    def cancel(self, _stream: object, *, force: bool) -> None:
        self.cancelled.append(force)

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": self.resources}, {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}]

    def shutdown(self) -> None:
        pass


@pytest.fixture
def fake(monkeypatch):
    def make(*says: Any, **changes: object) -> tuple[ray_cluster.RayBackend, FakeRay]:
        ray = FakeRay(list(says), {"CPU": 2.0, "memory": 4.0 * 2**30})
        monkeypatch.setattr(ray_cluster, "_start", lambda *_: ray)
        return ray_cluster.RayBackend(**parameters(**changes)), ray

    return make


@pytest.mark.parametrize(
    ("error", "how", "detail"),
    [
        (
            exceptions.WorkerCrashedError(),
            "died",
            "WorkerCrashedError: The worker died unexpectedly while executing this task",
        ),
        (exceptions.NodeDiedError("node 1 was lost. Its id is 5f.\nMore"), "died", "NodeDiedError: node 1 was lost"),
        (exceptions.OutOfMemoryError("killed"), "oom", "ended by Ray when its node was out of memory"),
        (
            exceptions.RayTaskError("do", "Traceback ...\nModuleNotFoundError: No module named 'sweeps'", None),
            "died",
            "ModuleNotFoundError: No module named 'sweeps'",
        ),
    ],
)
def test_what_ray_reports_instead_of_an_outcome(fake, small, error, how, detail):
    backend, _ = fake("node1", error)
    backend.submit(Task(small()))
    assert backend.wait(0) == []  # that it has begun is no end
    [end] = backend.wait(0)
    assert (end.how, end.detail, end.outcome) == (how, detail, None)


def test_outcome_is_returned(fake, small):
    task = Task(small())
    backend, _ = fake("node1", Outcome(task.directory, "complete"))
    backend.submit(task)
    assert [*backend.wait(0), *backend.wait(0)][0].outcome == Outcome(task.directory, "complete")


def test_time_limit_counts_from_the_begin_and_asks_before_it_forces(fake, small, monkeypatch):
    now = 0.0
    monkeypatch.setattr(ray_cluster.time, "monotonic", lambda: now)
    backend, ray = fake("node1", exceptions.WorkerCrashedError(), time_limit=60)
    backend.submit(Task(small()))
    ray.says, says = [], ray.says
    now = 1000.0
    backend.wait(0)
    assert ray.cancelled == []  # it still waits for a place
    ray.says = says
    backend.wait(0)
    ray.says = []
    now = 1061.0
    backend.wait(0)
    assert ray.cancelled == [False]
    now = 1072.0
    backend.wait(0)
    assert ray.cancelled == [False, True]
    ray.says = says
    [end] = backend.wait(0)
    assert (end.how, end.detail) == ("timeout", "stopped at the time limit of 60 s")


def test_task_that_no_living_node_could_take_ends_after_a_while(fake, small, monkeypatch):
    now = 0.0
    monkeypatch.setattr(ray_cluster.time, "monotonic", lambda: now)
    backend, ray = fake(address="auto", gpus_per_run=1)  # the node with GPUs is dead
    backend.submit(Task(small()))
    ended = []
    for now in (10.0, 100.0, 309.0, 320.0):  # noqa: B007 - read by the patched clock
        ended.append(len(backend.wait(0)))
    assert ended == [0, 0, 0, 1]
    assert ray.cancelled == [True]


def test_run_too_large_for_this_machine_is_refused(fake):
    with pytest.raises(ConfigError) as caught:
        fake(cpus_per_run=3, memory_gb_per_run=2)
    assert str(caught.value) == (
        "hydra/launcher=ray: this machine has no room for a run with cpus_per_run=3, gpus_per_run=0, "
        "memory_gb_per_run=2"
    )


def test_without_ray_one_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        ConfigError, match=r"^hydra/launcher=ray: ray is not installed; pip install frequency-reg\[ray\]$"
    ):
        ray_cluster.RayBackend(**parameters())


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port"])
def test_address_must_be_of_a_head(address):
    with pytest.raises(ConfigError) as caught:
        ray_cluster.RayBackend(**parameters(address=address))
    assert str(caught.value) == (
        f"hydra.launcher.address={address}: expected auto, or HOST:PORT of the cluster's head, from one of its "
        "machines; null starts Ray on this machine"
    )


def test_address_at_which_nobody_listens_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ConfigError) as caught:
        ray_cluster.RayBackend(**parameters(address=address))
    assert str(caught.value) == (
        f"hydra.launcher.address={address}: nobody answers there ([Errno 111] Connection refused); `ray status` on the "
        "head shows whether the cluster is up"
    )


# --- a real Ray ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray's own cluster of several nodes on one machine; the head has one CPU."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def second_node(cluster: Any) -> Iterator[Any]:
    """A second node with one CPU, gone after the test."""
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


def raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def parent(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


LONG = "epochs=40"


@pytest.mark.slow
class TestRealRay:
    """What may happen to a Ray cluster's runs, and what must come of it."""

    @pytest.fixture
    def sweep(self, cluster):
        def start(tasks: list[Task], **changes: object) -> LiveSweep:
            return LiveSweep(tasks, ray_cluster.RayBackend(**parameters(address=cluster.address, **changes)))

        return start

    @pytest.mark.usefixtures("second_node")
    def test_runs_complete_each_in_a_process_of_its_own(self, sweep, small, tmp_path):
        tasks = [Task(small(f"seed={seed}")) for seed in range(3)]
        assert sweep(tasks).ends() == ["complete"] * 3
        processes = {
            line for task in tasks for line in (task.directory / "log.txt").read_text().splitlines() if "---" in line
        }
        assert len({line.rpartition(" ")[2] for line in processes}) == 3
        here = run(small("seed=0", f"outputs={tmp_path}/other"))
        assert content_digest(tasks[0].directory) == content_digest(here.directory)

    def test_runs_of_a_lost_node_go_on_at_the_other(self, sweep, small, cluster, second_node, tmp_path):
        tasks = [Task(small(LONG, f"seed={seed}")) for seed in range(4)]
        live = sweep(tasks)
        lost: list[presence.Sign] = []

        def there() -> bool:
            signs = [presence.holder(task.directory) for task in tasks]
            lost[:] = [sign for sign in signs if sign and sign.pid and parent(sign.pid) == raylet(second_node)]
            return bool(lost)

        wait_until(there, 90, "a run on the second node")
        os.kill(lost[0].pid, signal.SIGKILL)
        cluster.remove_node(second_node, allow_graceful=False)
        assert live.ends() == ["complete"] * 4
        assert [line for line in live.lines if line.endswith("it is tried again")] != []
        here = [run(small(LONG, f"seed={seed}", f"outputs={tmp_path}/other")).directory for seed in range(4)]
        assert [content_digest(task.directory) for task in tasks] == [content_digest(directory) for directory in here]

    def test_run_killed_twice_is_killed(self, sweep, small):
        task = Task(small("epochs=400"))
        live = sweep([task])
        first = in_training(task)
        os.kill(first.pid, signal.SIGKILL)
        os.kill(in_training(task, not_pid=first.pid).pid, signal.SIGKILL)
        assert live.ends() == ["killed"]
        assert "after 2 attempts" in live.outcomes[0].detail
        assert (recorded_run(task.directory) or {})["status"] == "killed"

    def test_time_limit(self, sweep, small):
        task = Task(small("epochs=400"))
        assert sweep([task], time_limit=8).ends() == ["timeout"]
        assert live_statuses([task]) == ["timeout"]

    def test_interrupt_leaves_records(self, cluster, small):
        tasks = [Task(small("epochs=400", f"seed={seed}")) for seed in range(3)]  # one has room
        backend = ray_cluster.RayBackend(**parameters(address=cluster.address))
        for task in tasks:
            backend.submit(task)
        wait_until(lambda: backend.wait(0) or any(presence.holder(task.directory) for task in tasks), 60, "a run")
        backend.interrupt()
        ended = []
        wait_until(lambda: ended.extend(backend.wait(0.1)) or len(ended) == 3, 30, "three ends")
        backend.close()
        assert [(end.how, end.outcome.status) for end in ended if end.outcome] == [("returned", "killed")] * 3
        assert sorted(map(str, live_statuses(tasks))) == ["None", "None", "killed"]


def live_statuses(tasks: list[Task]) -> list[object]:
    return [(recorded_run(task.directory) or {}).get("status") for task in tasks]
