"""The one policy for many runs: what is done, repeated, waited for and given up, wherever the runs happen.

What is finished is skipped, what died is repeated from its checkpoint, what another process does is waited for, and
every end is a status in the run's records. The records are the only state: a sweep that was killed at any moment goes
on when the same command is given again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from frequency_reg import presence
from frequency_reg.outcome import Outcome
from frequency_reg.records import RecordsError
from frequency_reg.run_id import OTHER_CODE, finished_outcome, recorded_outcome
from frequency_reg.settle import settle
from sweeps.backend import Backend, Ended, Task

FAILURES = ("failed", "oom", "timeout", "killed")
"""Statuses that count towards ``max_failures``; a diverged run is a result."""

NOT_STARTED = "not started"

_WAIT_SECONDS = 0.25
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 30.0


@dataclass
class Policy:
    """What the engine does about failures.

    Attributes:
        retries: how often a run whose process, job or node died is repeated.
        max_failures: after so many runs with a status of :data:`FAILURES` no further run is started; None never stops.
        failures: such runs so far; the engine counts them, over every launch under this policy (a search has many).
    """

    retries: int = 1
    max_failures: int | None = None
    failures: int = 0

    @property
    def gives_up(self) -> bool:
        """Whether no further run is to be started."""
        return self.max_failures is not None and self.failures >= self.max_failures


@dataclass(frozen=True)
class Running:
    """A run under way: its name, what its process says of it, and the seconds since it was submitted."""

    name: str
    sign: presence.Sign
    seconds: float


@dataclass(frozen=True)
class Snapshot:
    """Where a sweep is.

    Attributes:
        total: tasks of the sweep.
        counts: ended tasks by status, those that were there already included.
        already: of the ended, those that were there already.
        running: runs that a process is doing, in the order of their submission.
        waiting: the other tasks that have not ended, those that wait in a cluster's queue among them.
        capacity: runs that the backend takes at once.
        seconds: since the sweep began.
        run_seconds: wall time of each run that ended in this sweep.
    """

    total: int
    counts: Mapping[str, int]
    already: int
    running: tuple[Running, ...]
    waiting: int
    capacity: int
    seconds: float
    run_seconds: tuple[float, ...]


class Display(Protocol):
    """What shows a sweep to a person."""

    def line(self, text: str) -> None:
        """Show one line for good."""

    def update(self, snapshot: Snapshot) -> None:
        """Show where the sweep is; called several times a second."""

    def close(self) -> None:
        """Remove what moves."""


def execute(tasks: Sequence[Task], backend: Backend, policy: Policy, display: Display) -> list[Outcome]:
    """Do every task that is not finished and return one outcome for each, in order; equal tasks are done once.

    A run's failure is its outcome's status, never an exception. A task that was not begun because ``max_failures`` was
    reached has the status :data:`NOT_STARTED`. Closes ``backend`` and ``display``.

    Raises:
        KeyboardInterrupt: after every run under way has left its records.
    """
    sweep = _Sweep(tasks, backend, policy, display)
    try:
        sweep.work()
    except KeyboardInterrupt:
        sweep.stop()
        raise
    finally:
        backend.close()
        display.close()
    return [sweep.outcomes[task.run_id] for task in tasks]


class _Sweep:
    """State of one call of :func:`execute`."""

    def __init__(self, tasks: Iterable[Task], backend: Backend, policy: Policy, display: Display) -> None:
        self.backend, self.policy, self.display = backend, policy, display
        self.waiting = deque({task.run_id: task for task in tasks}.values())
        self.total = len(self.waiting)
        self.elsewhere: dict[str, Task] = {}
        self.under_way: dict[str, tuple[Task, float]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.deaths: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.already: Counter[str] = Counter()
        self.run_seconds: list[float] = []
        self.began = time.monotonic()
        self.looked = self.updated = 0.0

    def work(self) -> None:
        """Bring every task to its end."""
        while self.waiting or self.under_way or self.elsewhere:
            if self.policy.gives_up and self.waiting:
                self._give_up()
            self._submit()
            for ended in self.backend.wait(_WAIT_SECONDS if self.under_way or self.elsewhere else 0):
                self._take(ended)
            self._look_elsewhere()
            self._update()
        self._say_what_was_there()

    def stop(self) -> None:
        """Let the runs under way leave their records; a second interruption does not wait for that."""
        self.display.line(f"interrupted: {_runs(len(self.under_way))} under way leave records and checkpoints")
        self.backend.interrupt()
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.under_way and time.monotonic() < deadline:
            for ended in self.backend.wait(_WAIT_SECONDS):
                self.under_way.pop(ended.task.run_id, None)

    # --- starting ---

    def _submit(self) -> None:
        while self.waiting and len(self.under_way) < self.backend.capacity and not self.policy.gives_up:
            task = self.waiting.popleft()
            there = finished_outcome(task.directory, task.run_id)
            if there is not None:
                self._end(task, there)
            elif presence.holder(task.directory) is not None:
                self._leave_to_others(task)
            else:
                self.under_way[task.run_id] = (task, time.monotonic())
                self.backend.submit(task)
            self._update()

    # --- ending ---

    def _take(self, ended: Ended) -> None:
        """What became of a task that is under way no longer."""
        task = ended.task
        _, since = self.under_way.pop(task.run_id)
        if ended.outcome is not None and ended.outcome.status == "killed":  # not by us: we are at work
            ended = Ended(task, "died", ended.outcome, detail="its process was interrupted")
        if ended.how == "died" and self.deaths[task.run_id] < self.policy.retries:
            self.deaths[task.run_id] += 1
            self.display.line(f"{task.directory.name}: {ended.detail}; it is tried again")
            self.waiting.appendleft(task)
            return
        outcome = ended.outcome or self._settled(ended)
        if outcome.status == "running":
            self._leave_to_others(task)
            return
        if not outcome.skipped:
            self.run_seconds.append(time.monotonic() - since)
        self._end(task, outcome)

    def _settled(self, ended: Ended) -> Outcome:
        """Record the end that the run itself could not record."""
        status = {"died": "killed", "timeout": "timeout", "oom": "oom"}[ended.how]
        times = self.deaths[ended.task.run_id] + 1
        detail = ended.detail if times == 1 else f"{ended.detail}, after {times} attempts"
        try:
            return settle(ended.task.config, status, detail)
        except RecordsError as error:
            return Outcome(ended.task.directory, status, f"{detail}; not recorded: {error}")

    def _end(self, task: Task, outcome: Outcome) -> None:
        self.outcomes[task.run_id] = outcome
        self.counts[outcome.status] += 1
        if outcome.skipped:
            self.already[outcome.detail if outcome.detail == OTHER_CODE else outcome.status] += 1
        else:
            self.display.line(self._line(outcome))
        self.policy.failures += outcome.status in FAILURES and not outcome.skipped

    def _line(self, outcome: Outcome) -> str:
        place = f"[{len(self.outcomes):{len(str(self.total))}d}/{self.total}]"
        detail = f"  {outcome.detail}" if outcome.detail else ""
        log = " (see its log.txt)" if outcome.status in FAILURES else ""
        return f"{place} {outcome.status:8} {outcome.directory.name}{detail}{log}"

    def _give_up(self) -> None:
        failed, left = _runs(self.policy.failures), _runs(len(self.waiting))
        self.display.line(f"max_failures={self.policy.max_failures}: {failed} failed, {left} not started")
        for task in self.waiting:
            self.outcomes[task.run_id] = Outcome(task.directory, NOT_STARTED, "max_failures was reached", skipped=True)
        self.waiting.clear()

    # --- runs that another process does ---

    def _leave_to_others(self, task: Task) -> None:
        if not self.elsewhere:
            self.display.line(f"{task.directory.name}: another process is doing it; waiting for what becomes of it")
        self.elsewhere[task.run_id] = task

    def _look_elsewhere(self) -> None:
        """Take over the outcome of a run that another process has ended, or the run itself if that was killed."""
        if not self.elsewhere or time.monotonic() - self.looked < _LOOK_SECONDS:
            return
        self.looked = time.monotonic()
        for task in list(self.elsewhere.values()):
            if presence.holder(task.directory) is not None:
                continue
            del self.elsewhere[task.run_id]
            outcome = recorded_outcome(task.directory, task.run_id)
            if outcome is None or outcome.status in ("running", "killed"):
                self.waiting.appendleft(task)
            else:
                self._end(task, outcome)

    # --- showing ---

    def _update(self) -> None:
        if time.monotonic() - self.updated > _WAIT_SECONDS + 0.01 * len(self.under_way):
            self.updated = time.monotonic()
            self.display.update(self._snapshot())

    def _snapshot(self) -> Snapshot:
        now = time.monotonic()
        signs = [(task, presence.holder(task.directory), since) for task, since in self.under_way.values()]
        running = [Running(task.directory.name, sign, now - since) for task, sign, since in signs if sign is not None]
        return Snapshot(
            total=self.total,
            counts=dict(self.counts),
            already=self.already.total(),
            running=tuple(running),
            waiting=self.total - len(self.outcomes) - len(running),
            capacity=self.backend.capacity,
            seconds=now - self.began,
            run_seconds=tuple(self.run_seconds),
        )

    def _say_what_was_there(self) -> None:
        if self.already:
            self.display.line(f"{self.already.total()} of {_runs(self.total)} there already")
        if self.already[OTHER_CODE]:
            self.display.line(f"warning: {_runs(self.already[OTHER_CODE])} of these: {OTHER_CODE}")


def _runs(n: int) -> str:
    return f"{n} run" + ("" if n == 1 else "s")
