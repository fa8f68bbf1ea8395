"""What sweeps' folders hold at this moment: what is planned, done, running and missing. Reads only, at any time.

The truth is in three places: the runs' records say how a run ended, their locks who does one now, and the manifests
what the commands given so far mean. Nothing is said to run that no living process does.
"""

from __future__ import annotations

import difflib
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from frequency_reg import manifest, presence, records
from frequency_reg.config import FOLDER_NAME, ConfigError
from frequency_reg.manifest import Manifest
from frequency_reg.run_id import FINISHED
from sweeps.time_left import seconds_left

MISSING, DAMAGED = "missing", "damaged"
STATUSES = (*records.STATUSES, MISSING, DAMAGED)
"""What a run can be: what records say; ``missing``: planned and without records; ``damaged``: they cannot be read."""

RETRIED = ("failed", "oom", "timeout", "killed")
"""Statuses that a repetition may mend."""

RETRIABLE = (*RETRIED, "pruned")
"""Statuses that a repetition may be asked for; of a diverged run it would only reproduce the records."""

_GHOST = "its process is gone; the same command goes on from the last checkpoint"
_COLUMNS = (
    "run_id",
    "status",
    "status_detail",
    "epoch",
    "validation_accuracy",
    "clean_accuracy",
    "train_seconds",
    "evaluate_seconds",
    "config.epochs",
    "provenance.source_digest",
)
_RUN = re.compile(FOLDER_NAME)
_IDENTITY = re.compile(r".-[0-9a-f]{8}$")
_TRIALS = "trials.parquet"
"""What a search leaves at its end, a row for each trial and objective."""

_DEEPEST = 3
"""Levels below a given folder at which a sweep's folder is looked for."""


@dataclass(frozen=True)
class Run:
    """One run as it is now.

    Attributes:
        directory: its folder; of a missing run, where it would be.
        status: one of :data:`STATUSES`.
        detail: why it is not complete, in one line; empty if there is nothing to say.
        planned: whether a command given so far means it; None where none says what is planned.
        sign: what the process that does it says of itself.
        row: what its record holds of ``_COLUMNS``.
    """

    directory: Path
    status: str
    detail: str = ""
    planned: bool | None = None
    sign: presence.Sign | None = None
    row: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return self.directory.name

    @property
    def log(self) -> Path:
        """What it printed, with the traceback of a failure."""
        return self.directory / "log.txt"

    @property
    def seconds(self) -> float:
        """Wall time of training and evaluation."""
        row = self.row or {}
        return (row.get("train_seconds") or 0.0) + (row.get("evaluate_seconds") or 0.0)

    @property
    def progress(self) -> tuple[int | None, int | None]:
        """Finished epochs and all of them, as far as they are known."""
        if self.sign is not None and self.sign.epochs:
            return self.sign.epoch, self.sign.epochs
        row = self.row or {}
        return row.get("epoch"), row.get("config.epochs")


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder as it is now.

    Attributes:
        folder: absolute.
        commands: those that were given for it, each once.
        runs: those planned in the commands' order, then the others by name.
        now: seconds since 1970 when it was read.
        unreadable: manifests that cannot be read.
        trials: that searches which came to their end here were to do.
        whole: False where one run alone was asked for.
    """

    folder: Path
    commands: tuple[Manifest, ...]
    runs: tuple[Run, ...]
    now: float
    unreadable: int = 0
    trials: int = 0
    whole: bool = True

    @cached_property
    def search(self) -> Literal["none", "ended", "goes on"]:
        """Whether searches are among the commands, and whether they have come to their end."""
        trials = sum(command.trials for command in self.commands)
        return "none" if trials == 0 else "ended" if self.trials >= trials else "goes on"

    @cached_property
    def planned(self) -> int | None:
        """Runs that the commands mean, with a search at most; None where no command says."""
        return sum(self.counts.values()) if self.commands else None

    @cached_property
    def counts(self) -> dict[str, int]:
        """Runs by status, for each of :data:`STATUSES`; those that no command means are left out.

        Of a search that goes on, all runs that it may still do are missing; how many it does, it knows at its end.
        """
        found = Counter(run.status for run in self.runs if run.planned is not False)
        if self.search == "goes on":
            most = sum(command.planned for command in self.commands if command.trials)
            found[MISSING] += max(most - sum(run.planned is None for run in self.runs), 0)
        return {status: found[status] for status in STATUSES}

    @property
    def complete(self) -> bool:
        """Whether every run that is meant is complete; in a search, a pruned run has come to its end too."""
        ends = ("complete",) if self.search == "none" else ("complete", "pruned")
        return sum(self.counts[status] for status in ends) == sum(self.counts.values())

    @cached_property
    def running(self) -> list[Run]:
        """Runs that a living process does."""
        return [run for run in self.runs if run.status == "running"]

    @cached_property
    def seconds_left(self) -> float | None:
        """Until every missing run is done, by as many at one time as now; None if nothing runs or nothing is known."""
        if not self.running:
            return None
        signs = [(run.sign, self.now - run.sign.started) for run in self.running if run.sign is not None]
        ended = [run.seconds for run in self.runs if run.status == "complete"]
        return seconds_left(ended=ended, running=signs, waiting=self.counts[MISSING], capacity=len(signs), now=self.now)

    @cached_property
    def code_versions(self) -> dict[str, int]:
        """Finished runs by the digest of the code that made them, the most frequent first; unknown ones left out."""
        digests = [(run.row or {}).get("provenance.source_digest") for run in self.runs if run.status in FINISHED]
        return dict(Counter(digest for digest in digests if digest).most_common())


# --- reading ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> list[Sweep]:
    """The sweep in the folder ``path``, or every sweep below it; of a run's folder, its sweep with this run alone.

    Raises:
        ConfigError: there is no such folder, or neither records nor manifests in it.
    """
    path = path.resolve()
    if not path.is_dir():
        raise ConfigError(f"{shown(path)}: {'a file' if path.exists() else 'no such folder'}{_nearest_to(path)}")
    if is_run_folder(path):
        return [_read_sweep(path.parent, only=path.name)]
    folders = list(_sweep_folders(path, _DEEPEST))
    if not folders:
        raise ConfigError(
            f"{shown(path)}: neither records nor a sweep's manifest here; give a sweep's folder, such as outputs/NAME"
            f"{_nearest_to(path)}"
        )
    return [_read_sweep(folder) for folder in folders]


def is_run_folder(path: Path) -> bool:
    """Whether ``path`` is a folder of ours that a run writes to: it has its record, or its name and its lock or log."""
    if (path / "run.parquet").is_file():
        return True
    return bool(_IDENTITY.search(path.name)) and any((path / n).is_file() for n in (presence.LOCK_NAME, "log.txt"))


def shown(path: Path) -> str:
    """``path`` for people: relative where it lies below the current directory."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _nearest_to(path: Path) -> str:
    """``; did you mean X?``: ``path`` with the first part that is wrong replaced by the neighbour nearest to it."""
    wrong = path
    while not wrong.parent.is_dir():
        wrong = wrong.parent
    neighbours = {folder.name: folder for folder in _folders(wrong.parent) if folder != wrong}
    for close in difflib.get_close_matches(wrong.name, neighbours, n=1):
        meant = neighbours[close] / path.relative_to(wrong)
        return f"; did you mean {shown(meant if meant.is_dir() else neighbours[close])}?"
    return ""


def _folders(path: Path) -> list[Path]:
    """Folders in ``path`` by name, without hidden ones and links."""
    try:
        with os.scandir(path) as entries:
            found = [e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [path / name for name in sorted(found)]


def _is_sweep_folder(path: Path) -> bool:
    return (path / manifest.FOLDER).is_dir() or any(is_run_folder(folder) for folder in _folders(path))


def _sweep_folders(path: Path, depth: int) -> Iterator[Path]:
    if _is_sweep_folder(path):
        yield path
    elif depth:
        for folder in _folders(path):
            yield from _sweep_folders(folder, depth - 1)


def own_arguments(arguments: Iterable[str]) -> list[str]:
    """A command's arguments without what says where it writes and which runs it repeats."""
    return [a for a in arguments if a != "--plan" and override_key(a) not in ("name", "outputs", "hydra.sweeper.retry")]


def override_key(argument: str) -> str:
    """Key of an override such as ``+name=x``; empty for a flag."""
    key, equals, _ = argument.lstrip("+").partition("=")
    return key if equals and not argument.startswith("-") else ""


_NO_OTHER_SEARCH = re.compile(r"hydra\.sweeper\.(n_trials|storage)$|hydra[./]launcher\b")
"""Keys that decide no suggestion and no run: how many trials, where they are shown, and by what runs are done."""


def _commands(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Each command once.

    A repetition by :mod:`sweeps.retry` is the command that it repeats; a search that was given more trials is one.
    """
    found: dict[tuple[str, ...], Manifest] = {}
    for command in sorted(
        manifests, key=lambda m: ("hydra.sweeper.retry" in map(override_key, m.arguments), -m.trials)
    ):
        own = [a for a in own_arguments(command.arguments) if not _NO_OTHER_SEARCH.match(override_key(a))]
        found.setdefault(tuple(own), command)
    return tuple(found.values())


def _read_sweep(folder: Path, only: str | None = None) -> Sweep:
    """The sweep in ``folder``, or of its runs the one named ``only``."""
    manifests = manifest.read(folder)
    commands = _commands(manifests)
    unreadable = len(list((folder / manifest.FOLDER).glob("*.json"))) - len(manifests)
    names = dict.fromkeys(name for command in commands for name in command.runs if _RUN.fullmatch(name))
    all_known = bool(commands) and not unreadable and not any(command.trials for command in commands)

    def run(name: str) -> Run:
        return _read_run(folder / name, True if name in names else False if all_known else None)

    if only is not None:
        return Sweep(folder, (), (run(only),), time.time(), whole=False)
    there = [directory.name for directory in _folders(folder) if is_run_folder(directory)]
    with ThreadPoolExecutor() as pool:
        runs = pool.map(run, dict.fromkeys([*names, *there]))
    # Without records, a run that nobody planned is what a killed process left of it: no run.
    kept = tuple(run for run in runs if run.status != MISSING or run.planned)
    return Sweep(folder, commands, kept, time.time(), unreadable, _trials(folder))


def _trials(folder: Path) -> int:
    """Trials that the searches were to do which came to their end in ``folder``; 0 if none did."""
    try:
        with pq.ParquetFile(folder / _TRIALS) as file:
            rows = file.read().to_pylist()
        # Older tables are of one search and say only what it did.
        asked = {row.get("search"): row.get("asked") or 0 for row in rows}
        return sum(asked.values()) or len({row["trial"] for row in rows})
    except (OSError, pa.ArrowException, KeyError):
        return 0


def _read_run(directory: Path, planned: bool | None) -> Run:
    try:
        row = _row(directory)
        status = MISSING if row is None else row["status"]
        sign = None if status in FINISHED else presence.holder(directory)
        if status == "running" and sign is None:
            row = _row(directory)  # it may have ended since: a run publishes its end before it lets go of its lock
            status = row["status"] if row is not None else MISSING
    except (OSError, pa.ArrowException, ValueError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        return Run(directory, DAMAGED, reason, planned, presence.holder(directory))
    if sign is not None:
        return Run(directory, "running", "", planned, sign, row)
    if status == "running":
        return Run(directory, "killed", _GHOST, planned, None, row)
    return Run(directory, status, (row or {}).get("status_detail") or "", planned, None, row)


def _row(directory: Path) -> dict[str, Any] | None:
    """The run's record, of the columns that matter here those that it has; None if there is none.

    Raises:
        OSError, pyarrow.ArrowException, ValueError: it cannot be read, or is no record of a run.
    """
    try:
        with pq.ParquetFile(directory / "run.parquet") as file:
            rows = file.read(columns=list(_COLUMNS), use_threads=False).to_pylist()
    except FileNotFoundError:
        return None
    if len(rows) != 1 or rows[0].get("status") not in records.STATUSES or not rows[0].get("run_id"):
        raise ValueError("not the record of a run")
    return dict(rows[0])
