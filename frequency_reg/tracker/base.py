"""The contract of a tracker, and how the failure of one is kept from the run.

A tracker mirrors a run to a tool such as TensorBoard or MLflow. It is given the rows that go into the records, and
nothing else, so that what it shows is what they hold; it is no part of the run's identity. In the order of a run::

    tracker = Tracker(...)          before anything runs: is the package there? Imports nothing heavy, touches no file
    tracker.start(origin)           in the run's process: open the tool's store, find the run's earlier mirror
    tracker.rows(table, columns)    whenever rows go into the records; keep them
    tracker.publish()               whenever the records have been published: show what was kept
    tracker.end(row)                at the end, whatever it was, with the row of the ``run`` table
    tracker.close()                 let go of files and connections, also after a failure

A run that goes on from a checkpoint is started anew: first come all rows that its records hold, from epoch 0 on, then
the new ones. So a mirror is whole whatever happened before, and finished records are mirrored by the very same calls
(``python -m frequency_reg.tracker``). A tracker that has been given a row in an earlier life must not show it twice.

Whatever a tracker raises, and however long its tool is away, is said once in a warning and ends the mirror, not the
run. A tracker draws no random numbers from the global streams, and waits for its tool for seconds, not for minutes.
"""

from __future__ import annotations

import importlib.util
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Origin:
    """The run that is mirrored.

    Attributes:
        run_id: its identity.
        directory: its folder ``outputs/NAME/RUN``, absolute; the sweep's name is that of the folder above.
        config: its configuration as flat keys, such as ``optimizer.lr``: the ``config.*`` columns of its row.
        started: when its process began, seconds since 1970.
    """

    run_id: str
    directory: Path
    config: Mapping[str, Any]
    started: float

    @property
    def run_name(self) -> str:
        """Name of the run's folder."""
        return self.directory.name

    @property
    def sweep(self) -> Path:
        """``outputs/NAME``."""
        return self.directory.parent


class Tracker(ABC):
    """See the module's text for what is called when."""

    @abstractmethod
    def start(self, origin: Origin) -> None:
        """Open the store for this run, or go on in what an earlier process left there."""

    @abstractmethod
    def rows(self, table: str, columns: Mapping[str, Any]) -> None:
        """Take rows of a table of :mod:`frequency_reg.records`; cheap.

        Args:
            table: its name, such as ``epochs``; a probe's own tables too.
            columns: every column but ``run_id``, each equally many values or one for all rows. NaN stands for NULL.
        """

    @abstractmethod
    def publish(self) -> None:
        """Show all rows taken so far."""

    @abstractmethod
    def end(self, row: Mapping[str, Any]) -> None:
        """Show how the run ended, after a last :meth:`publish`.

        Args:
            row: of the ``run`` table; ``status`` is one of :data:`frequency_reg.records.STATUSES`.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what is held open; may be called more than once."""


def require(tracker: str, modules: Sequence[str]) -> None:
    """Refuse a tracker whose packages are not installed; imports none of them.

    Raises:
        ValueError: naming them and what installs them.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"tracker={tracker}: not installed: {', '.join(missing)}; pip install 'frequency-reg[trackers]', "
            f"or leave {tracker} out"
        )


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``columns`` as :meth:`Tracker.rows` takes them, row by row."""
    lengths = [len(values) for values in columns.values() if _is_sequence(values)]
    return [
        {name: values[i] if _is_sequence(values) else values for name, values in columns.items()}
        for i in range(max(lengths, default=1))
    ]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Recorded rows as columns for :meth:`Tracker.rows`, without ``run_id``."""
    names = [name for name in rows[0] if name != "run_id"] if rows else []
    return {name: [row[name] for row in rows] for name in names}


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str)


class Mirrors:
    """The trackers of one run as one that never raises: a tracker that fails is dropped, with one warning.

    Args:
        trackers: by name.
    """

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._chosen = dict(trackers)
        self._live: dict[str, Tracker] = {}
        self._directory = Path()

    def start(self, origin: Origin, recorded: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
        """Start every tracker and show what the records hold already.

        Args:
            recorded: gives the columns of every table with rows; not asked if there is no tracker.
        """
        self._directory, self._live = origin.directory, dict(self._chosen)
        self._each(lambda tracker: tracker.start(origin))
        for table, columns in recorded().items() if self._live else ():
            self.rows(table, columns)
        self.publish()

    def rows(self, table: str, columns: Mapping[str, Any]) -> None:
        """See :meth:`Tracker.rows`."""
        self._each(lambda tracker: tracker.rows(table, columns))

    def publish(self) -> None:
        """See :meth:`Tracker.publish`."""
        self._each(lambda tracker: tracker.publish())

    def end(self, row: Mapping[str, Any]) -> None:
        """See :meth:`Tracker.end`; trackers that were never started are told nothing."""
        self._each(lambda tracker: tracker.end(row))

    def close(self) -> None:
        """See :meth:`Tracker.close`."""
        self._each(lambda tracker: tracker.close())
        self._live.clear()

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._live.items()):
            try:
                call(tracker)
            except Exception as error:
                del self._live[name]
                with suppress(Exception):
                    tracker.close()
                _log.warning(
                    "tracker %s: %s; the run goes on without it and its records are whole. To mirror them when it is "
                    "over: python -m frequency_reg.tracker %s %s",
                    name,
                    reason(error),
                    name,
                    self._directory,
                )


def reason(error: Exception) -> str:
    """``error`` in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
