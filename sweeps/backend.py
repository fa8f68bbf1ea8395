"""What the engine asks of a place where runs can be done: this machine's processes, a Slurm cluster, a Ray cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from frequency_reg.config import Config
from frequency_reg.outcome import Outcome
from frequency_reg.run_id import identity, run_directory

How = Literal["returned", "died", "timeout", "oom"]


@dataclass(frozen=True)
class Task:
    """One run to be done: its checked configuration."""

    config: Config

    @cached_property
    def run_id(self) -> str:
        """Identity of the run."""
        return identity(self.config)

    @cached_property
    def directory(self) -> Path:
        """The run's directory, absolute."""
        return run_directory(self.config)


@dataclass(frozen=True)
class Ended:
    """A task that is under way no longer.

    Attributes:
        how: ``returned`` with an outcome; ``died`` without one (its process, job or node is gone); ``timeout``: stopped
            by the backend at the time limit; ``oom``: ended by the system for want of memory.
        outcome: what :func:`sweeps.worker.work` returned.
        detail: for every other end than ``returned``, what is known, in one line ("ended by signal 9 (SIGKILL)").
    """

    task: Task
    how: How
    outcome: Outcome | None = None
    detail: str = ""


class Backend(ABC):
    """Does tasks somewhere. The engine alone decides what is done, repeated and recorded."""

    capacity: int
    """Tasks that may be submitted and not ended at one time."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Start ``task``, or queue it where the place has a queue of its own."""

    @abstractmethod
    def wait(self, seconds: float) -> list[Ended]:
        """Tasks that ended, as soon as there is one, at the latest after ``seconds``; each task is reported once."""

    @abstractmethod
    def interrupt(self) -> None:
        """Ask every task under way to leave its records and stop, and drop what only waits; ``wait`` reports them."""

    @abstractmethod
    def close(self) -> None:
        """Stop what is still under way at once and give everything back. May be called twice."""
