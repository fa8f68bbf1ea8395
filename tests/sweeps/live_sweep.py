"""The engine at work in a thread on a real cluster, while the test does harm to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from frequency_reg import presence
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import recorded_run
from sweeps.backend import Backend, Task
from sweeps.engine import Policy, execute


class LiveSweep(threading.Thread):
    """A sweep that has begun; it is its own display and keeps the ``lines``."""

    def __init__(self, tasks: list[Task], backend: Backend) -> None:
        super().__init__(daemon=True)
        self.tasks, self.backend = tasks, backend
        self.lines: list[str] = []
        self.outcomes: list[Outcome] = []
        self.start()

    def run(self) -> None:
        self.outcomes = execute(self.tasks, self.backend, Policy(), self)

    def line(self, text: str) -> None:
        self.lines.append(text)

    def update(self, _snapshot: object) -> None:
        pass

    def close(self) -> None:
        pass

    def ends(self, seconds: float = 180) -> list[str]:
        """Statuses in the order of the tasks."""
        self.join(seconds)
        print("\n".join(self.lines))  # pytest shows it if the test fails
        assert not self.is_alive()
        return [outcome.status for outcome in self.outcomes]


def in_training(task: Task, epochs: int = 2, not_pid: int = 0) -> presence.Sign:
    """Wait until the run has a checkpoint to go on from; who does it, if that is not ``not_pid``."""

    def sign() -> presence.Sign | None:
        found = presence.holder(task.directory)
        trained = (recorded_run(task.directory) or {}).get("epoch") or 0
        return found if found is not None and found.pid not in (0, not_pid) and trained >= epochs else None

    wait_until(lambda: sign() is not None, 120, f"epoch {epochs} of {task.directory.name}")
    found = sign()
    assert found is not None
    return found


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for ``condition``; AssertionError naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)
