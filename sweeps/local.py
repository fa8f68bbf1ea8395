"""Runs on this machine, each in a process of its own, so that whatever happens to one happens to no other.

pebble starts and watches the processes: one for each run with a pipe of its own (its pool shares a locked pipe between
workers, which a killed worker can leave locked). They start from a server that has torch imported.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, concurrent

from frequency_reg import isolation
from frequency_reg.config import Config, ConfigError
from frequency_reg.outcome import Outcome
from sweeps.backend import Backend, Ended, Task
from sweeps.worker import Limits, work

_SECONDS_TO_END = 3.0

Work = Callable[[Config, Limits], Outcome]


@dataclass(frozen=True)
class _Call:
    task: Task
    out_of_memory_kills: int


class LocalBackend(Backend):
    """At most ``workers`` runs at a time.

    Args:
        workers: runs at a time.
        limits: what each run may use.
        time_limit: seconds a run may take; None is no limit.
        work: what a process does, by default the run; a module's function.
    """

    def __init__(self, *, workers: int, limits: Limits, time_limit: float | None = None, work: Work = work) -> None:
        self.capacity = workers
        self._limits = replace(limits, with_parent=True)
        self._time_limit = time_limit
        # pebble's keyword is `context`; its annotations name another, which it would ignore and fork this process.
        self._name = f"run-{id(self)}"
        options: dict[str, Any] = {"timeout": time_limit, "context": isolation.context(), "name": self._name}
        start = concurrent.process(**options)(work)  # type: ignore[no-untyped-call]
        self._start: Callable[..., Future[Outcome]] = start
        self._calls: dict[Future[Outcome], _Call] = {}

    def submit(self, task: Task) -> None:
        isolation.start()
        try:
            future = self._start(task.config, self._limits)
        except (EOFError, ConnectionError) as error:
            raise ConfigError(
                "the server process that runs start from ended at once; what it printed above says why"
            ) from error
        self._calls[future] = _Call(task, _out_of_memory_kills())

    def wait(self, seconds: float) -> list[Ended]:
        if not self._calls:
            time.sleep(seconds)
            return []
        wait_for(self._calls, timeout=seconds, return_when=FIRST_COMPLETED)
        done = [future for future in self._calls if future.done()]
        return [self._ended(self._calls.pop(future), future) for future in done]

    def interrupt(self) -> None:
        for process in self._processes():
            process.terminate()

    def close(self) -> None:
        self.interrupt()
        for process in self._processes():
            process.join(_SECONDS_TO_END)
            process.kill()
        self._calls.clear()

    def _processes(self) -> list[BaseProcess]:
        """This backend's own, whoever else may be doing the same runs."""
        return [process for process in multiprocessing.active_children() if process.name == self._name]

    def _ended(self, call: _Call, future: Future[Outcome]) -> Ended:
        task = call.task
        error = future.exception()
        if error is None:
            return Ended(task, "returned", future.result())
        if isinstance(error, TimeoutError):
            return Ended(task, "timeout", detail=f"stopped at the time limit of {self._time_limit:g} s")
        if not isinstance(error, ProcessExpired):
            return Ended(task, "died", detail=f"{type(error).__name__}: {error}".splitlines()[0])
        if error.exitcode == -signal.SIGKILL and _out_of_memory_kills() > call.out_of_memory_kills:
            return Ended(task, "oom", detail="killed by the system when memory was exhausted")
        return Ended(task, "died", detail=_describe_exit(error.exitcode))


def _describe_exit(code: int | None) -> str:
    """``its process was ended by signal 9 (SIGKILL)`` or ``its process ended with code 3``."""
    if code is not None and code < 0:
        named = f" ({signal.Signals(-code).name})" if -code in {*signal.Signals} else ""  # real-time ones have no name
        return f"its process was ended by signal {-code}{named}"
    return f"its process ended with code {code}"


def _out_of_memory_kills() -> int:
    """Processes that the kernel has killed for want of memory so far, of this control group or this machine."""
    for file in (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat")):
        try:
            pairs = dict(line.split() for line in file.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if "oom_kill" in pairs:
            return int(pairs["oom_kill"])
    return 0
