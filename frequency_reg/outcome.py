"""How a run ended, in a form that crosses process boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        directory: the run's directory.
        status: one of :data:`frequency_reg.records.STATUSES`; ``running`` if another process is doing the run.
        detail: one line for people; empty if there is nothing to say.
        skipped: the run was there already, or another process does it: nothing was done now.
    """

    directory: Path
    status: str
    detail: str = ""
    skipped: bool = False


class FruitlessError(Exception):
    """A search has ended and none of its trials is complete, however many of its runs are.

    Attributes:
        outcomes: of its runs.
    """

    def __init__(self, message: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(message)
        self.outcomes = outcomes
