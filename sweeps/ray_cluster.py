"""Runs as tasks of a Ray cluster, or of Ray on this machine, each in a process of its own that ends with it.

A task says first that it has begun, then what became of its run. What Ray reports instead (its process crashed, its
node is gone) is an end like any other; the engine decides what is repeated, and Ray itself repeats nothing.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from frequency_reg.config import Config, ConfigError
from frequency_reg.outcome import Outcome
from sweeps.backend import Backend, Ended, Task
from sweeps.worker import Limits, work

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # says nothing to anybody
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run`, Ray would copy the working directory to every node
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what Ray prints about a dead worker, the sweep says in one line
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leaves CUDA_VISIBLE_DEVICES alone where no GPU is asked for
    "RAY_NUM_REDIS_GET_RETRIES": "2",  # a silent cluster is an error after a minute, not ten
}
"""Environment in which Ray is imported, unless the user has set these himself."""

_ANSWER_SECONDS = 10.0
_NODES_SECONDS = 5.0
_NO_NODE_SECONDS = 300.0
_STOP_SECONDS = 10.0
_GIB = 2**30
_INTERRUPTED = "interrupted; the same command goes on from the last checkpoint"


@dataclass
class _Call:
    """A task under way.

    Attributes:
        stream: what Ray gives for it; two results: that it has begun, and its outcome.
        began: when it began, by our clock; None while it waits for a place.
        stopped: when it was told to stop at the time limit.
        forced: its process was ended by force.
    """

    task: Task
    stream: Any
    began: float | None = None
    stopped: float | None = None
    forced: bool = False


class RayBackend(Backend):
    """Runs as Ray tasks.

    Args:
        address: of a running cluster, ``auto`` or ``HOST:PORT``; None starts Ray on this machine, and ends it.
        cpus_per_run: CPUs that Ray reserves for a run, and its threads.
        gpus_per_run: GPUs that Ray reserves for a run and shows it; a fraction lets runs share one.
        memory_gb_per_run: GiB that Ray reserves on the run's node; None reserves nothing.
        time_limit: seconds a run may take from its begin; None is no limit.
        parallelism: runs given to Ray at one time.
        init: further arguments of ``ray.init``.

    Raises:
        ConfigError: Ray is not installed, does not answer, or has no node for such a run.
    """

    def __init__(
        self,
        *,
        address: str | None,
        cpus_per_run: int,
        gpus_per_run: float,
        memory_gb_per_run: float | None,
        time_limit: float | None,
        parallelism: int,
        init: Mapping[str, Any],
    ) -> None:
        self.capacity = parallelism
        self._time_limit = time_limit
        self._demand = {"CPU": float(cpus_per_run), "GPU": float(gpus_per_run)}
        if memory_gb_per_run is not None:
            self._demand["memory"] = memory_gb_per_run * _GIB
        self._limits = Limits(threads=cpus_per_run, directory=str(Path.cwd()))
        self._calls: list[_Call] = []
        self._nodes_at = 0.0
        self._no_node_since: float | None = None
        self._interrupted = False
        self._ray = _start(address, init)
        if address is None and not self._fits():
            self.close()
            raise ConfigError(f"hydra/launcher=ray: this machine has no room for a run with {self._wanted()}")
        self._function = self._ray.remote(
            num_cpus=cpus_per_run,
            num_gpus=gpus_per_run,
            memory=self._demand.get("memory"),
            max_calls=1,  # a process of its own, ended with the run
            max_retries=0,
            num_returns="streaming",
            scheduling_strategy="SPREAD",
        )(do)

    def submit(self, task: Task) -> None:
        """Give ``task`` to Ray, which starts it where there is room."""
        self._calls.append(_Call(task, self._function.remote(task.config, self._limits)))

    def wait(self, seconds: float) -> list[Ended]:
        """Tasks that ended; those over their time limit are stopped meanwhile."""
        if not self._calls:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait([call.stream for call in self._calls], timeout=seconds, fetch_local=False)
        ended = [end for call in list(self._calls) if call.stream in ready for end in self._next(call)]
        self._stop_late()
        return [*ended, *self._without_node()]

    def interrupt(self) -> None:
        """Cancel every task: one that waits is dropped, one that runs is interrupted and leaves its records."""
        self._interrupted = True
        for call in self._calls:
            self._cancel(call, force=False)

    def close(self) -> None:
        """End what is under way by force, and leave the cluster."""
        for call in self._calls:
            self._cancel(call, force=True)
        self._calls.clear()
        self._ray.shutdown()

    # --- seeing the end ----------------------------------------------------------------------------------------------

    def _next(self, call: _Call) -> Iterator[Ended]:
        """What the task says next."""
        from ray.exceptions import ObjectRefStreamEndOfStreamError, RayError

        try:
            said = self._ray.get(next(call.stream))
        except (RayError, StopIteration, ObjectRefStreamEndOfStreamError) as error:
            self._calls.remove(call)
            yield self._failed(call, error)
            return
        if not isinstance(said, Outcome):
            call.began = time.monotonic()
            return
        self._calls.remove(call)
        yield self._late(call) if call.stopped and said.status == "killed" else Ended(call.task, "returned", said)

    def _failed(self, call: _Call, error: Exception) -> Ended:
        """The end that Ray reports in place of an outcome."""
        from ray.exceptions import OutOfMemoryError

        if call.stopped is not None:
            return self._late(call)
        if self._interrupted:
            return Ended(call.task, "returned", Outcome(call.task.directory, "killed", _INTERRUPTED))
        if isinstance(error, OutOfMemoryError):
            return Ended(call.task, "oom", detail="ended by Ray when its node was out of memory")
        return Ended(call.task, "died", detail=_one_line(error))

    def _late(self, call: _Call) -> Ended:
        return Ended(call.task, "timeout", detail=f"stopped at the time limit of {self._time_limit:g} s")

    # --- stopping ----------------------------------------------------------------------------------------------------

    def _stop_late(self) -> None:
        now = time.monotonic()
        for call in self._calls:
            if call.stopped is not None:
                if now - call.stopped > _STOP_SECONDS and not call.forced:
                    self._cancel(call, force=True)
            elif self._time_limit is not None and call.began is not None and now - call.began > self._time_limit:
                call.stopped = now
                self._cancel(call, force=False)

    def _cancel(self, call: _Call, *, force: bool) -> None:
        from ray.exceptions import RayError

        call.forced = call.forced or force
        try:
            self._ray.cancel(call.stream, force=force)
        except (RayError, ValueError, RuntimeError) as error:
            logging.getLogger(__name__).debug("%s: not cancelled (%s)", call.task.directory.name, error)

    # --- nodes -------------------------------------------------------------------------------------------------------

    def _without_node(self) -> Iterator[Ended]:
        """Tasks that wait for a place although no living node could take one, after time for a new node to join."""
        waiting = [call for call in self._calls if call.began is None]
        now = time.monotonic()
        if not waiting or now < self._nodes_at:
            return
        self._nodes_at = now + _NODES_SECONDS
        if self._fits():
            self._no_node_since = None
            return
        self._no_node_since = self._no_node_since or now
        if now - self._no_node_since > _NO_NODE_SECONDS:
            for call in waiting:
                self._cancel(call, force=True)
                self._calls.remove(call)
                yield Ended(call.task, "died", detail=f"no living node of the Ray cluster has {self._wanted()}")

    def _fits(self) -> bool:
        """Whether a living node could take a run if it had nothing else to do."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return any(all(node.get(name, 0) >= amount for name, amount in self._demand.items()) for node in nodes)

    def _wanted(self) -> str:
        words = [f"cpus_per_run={self._demand['CPU']:g}", f"gpus_per_run={self._demand['GPU']:g}"]
        if "memory" in self._demand:
            words.append(f"memory_gb_per_run={self._demand['memory'] / _GIB:g}")
        return ", ".join(words)


def do(config: Config, limits: Limits) -> Iterator[str | Outcome]:
    """What a Ray task executes: that it has begun, and where; then its run and the outcome."""
    yield os.uname().nodename
    directory = limits.directory if limits.directory is not None and Path(limits.directory).is_dir() else None
    if config.runtime.device.startswith("cuda:"):  # Ray has chosen; the only visible one is number 0
        config = replace(config, runtime=replace(config.runtime, device="cuda"))
    yield work(config, replace(limits, directory=directory))


def _start(address: str | None, init: Mapping[str, Any]) -> ModuleType:
    """Ray, connected. Its import and start would take over SIGTERM, which is the command line's."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    _require_answer(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        import ray

        settings = {"include_dashboard": False} if address is None else {}
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        ray.init(address=address or "local", **{**settings, **quiet, **init})
    except ImportError as error:
        raise ConfigError("hydra/launcher=ray: ray is not installed; pip install frequency-reg[ray]") from error
    except (ConnectionError, ValueError, TypeError, RuntimeError) as error:
        where = "" if address is None else f" at hydra.launcher.address={address}"
        raise ConfigError(f"hydra/launcher=ray: cannot connect to Ray{where} ({_one_line(error)})") from error
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    module: ModuleType = ray  # untyped where the extra is not installed
    return module


def _require_answer(address: str | None) -> None:
    """Refuse an address at which nobody listens; Ray would try again for minutes."""
    if address is None or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise ConfigError(
            f"hydra.launcher.address={address}: expected auto, or HOST:PORT of the cluster's head, from one of its "
            "machines; null starts Ray on this machine"
        )
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"hydra.launcher.address={address}: nobody answers there ({error}); `ray status` on the head shows whether "
            "the cluster is up"
        ) from error


def _one_line(error: BaseException) -> str:
    """Name and first sentence of an error of Ray's, whose texts are pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if type(error).__name__.startswith("RayTaskError"):
        return lines[-1] if lines else "RayTaskError"
    text = lines[0].split(". ")[0].rstrip(".") if lines else ""
    return f"{type(error).__name__}: {text}".removesuffix(": ")
