"""A search's view for others: its trials in an Optuna storage, so that optuna-dashboard can watch.

Nothing is ever read back from it. It is made anew from the records whenever the search starts, and a search whose
storage fails goes on without.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState, create_trial

from frequency_reg.config import ConfigError
from sweeps.objective import Objective
from sweeps.pruning import Curve

MARK = "frequency_reg.sweep"
"""User attribute of the studies that we made: the name of the sweep."""

_KEY = "hydra.sweeper.storage"
_SQLITE = "sqlite:///"
_CONNECT_SECONDS = 10
_STALE_LOCK_SECONDS = 5


class StorageMirror:
    """Shows a search in an Optuna study.

    Args:
        study: empty.
        say: takes a line for the user.
    """

    def __init__(self, study: optuna.Study, say: Callable[[str], None]) -> None:
        self._study: optuna.Study | None = study
        self._say = say
        self._under_way: dict[int, int] = {}

    def asked(self, trial: FrozenTrial) -> None:
        """Show that ``trial`` is under way; trials come in order of their number."""
        with self._guarded() as study:
            if study is not None and trial.number not in self._under_way:
                study.add_trial(_copy(trial, TrialState.RUNNING, {}))
                self._under_way[trial.number] = study.get_trials(deepcopy=False)[-1]._trial_id

    def told(self, trial: FrozenTrial, curve: Curve | None) -> None:
        """Show how ``trial`` ended, with the learning curve that the pruner saw."""
        steps = dict(curve.values) if curve is not None else dict(trial.intermediate_values)
        with self._guarded() as study:
            if study is None:
                return
            if trial.number not in self._under_way:
                study.add_trial(_copy(trial, trial.state, steps))
                return
            storage, number = study._storage, self._under_way.pop(trial.number)
            for epoch, value in steps.items():
                storage.set_trial_intermediate_value(number, epoch, value)
            storage.set_trial_state_values(number, trial.state, trial.values)

    def close(self) -> None:
        """Say of no trial that it runs: an interrupted one waits for the search to be started again."""
        with self._guarded() as study:
            for number in self._under_way.values() if study is not None else ():
                study._storage.set_trial_state_values(number, TrialState.WAITING)  # type: ignore[union-attr]

    @contextmanager
    def _guarded(self) -> Iterator[optuna.Study | None]:
        """The study, or None once the storage has failed: that is said once."""
        try:
            yield self._study
        except Exception as error:
            self._study = None
            self._say(
                f"warning: {_KEY}: cannot be written any longer ({_reason(error)}); the search goes on without it, "
                "and shows all of itself there when it is started again"
            )


def open_mirror(
    text: str, name: str, sweep: str, goals: Sequence[Objective], say: Callable[[str], None] = print
) -> StorageMirror:
    """An empty study ``name`` in a storage; one that we made before is replaced.

    Args:
        text: URL of a database, or path of a journal file, from the current directory.
        name: of the study.
        sweep: name of the sweep's folder.
        goals: the search's objectives.
        say: takes lines for the user.

    Raises:
        ConfigError: the storage cannot be reached, or holds a study of that name that is not ours.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _move_damaged_aside(text, say)
    try:
        storage = _open(text)
        if name in optuna.get_all_study_names(storage):
            _require_ours(storage, name, sweep)
            optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=[goal.direction for goal in goals],
            sampler=RandomSampler(),
        )
        study.set_user_attr(MARK, sweep)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # naming the objectives is experimental in Optuna
            study.set_metric_names([goal.name for goal in goals])
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{_KEY}={without_password(text)}: cannot be opened ({_reason(error)}); start the database, mend the "
            "address, or leave the key out: a search does not need a storage"
        ) from error
    return StorageMirror(study, say)


def without_password(text: str) -> str:
    """``text`` with the password of every URL in it hidden."""
    return re.sub(r"(://[^:/@\s]*):[^\s]*@", r"\1:***@", text)


def _open(text: str) -> BaseStorage:
    if "://" not in text:
        # Absolute: Optuna's lock is a symbolic link to this text, and one that a kill left behind is recognised only if
        # it leads somewhere.
        file = Path(text).absolute()
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = JournalFileSymlinkLock(str(file), grace_period=_STALE_LOCK_SECONDS)
        return JournalStorage(JournalFileBackend(str(file), lock_obj=lock))
    scheme, _, rest = text.partition("://")
    options: dict[str, Any] = {}
    if scheme.startswith("postgres"):
        options = {"connect_args": {"connect_timeout": _CONNECT_SECONDS}, "pool_pre_ping": True}
        if scheme in ("postgres", "postgresql"):
            # SQLAlchemy 2.1 means psycopg 3 by that, and does without the widespread psycopg2.
            driver = "psycopg" if importlib.util.find_spec("psycopg") else "psycopg2"
            text = f"postgresql+{driver}://{rest}"
    return RDBStorage(text, engine_kwargs=options)


def _require_ours(storage: BaseStorage, name: str, sweep: str) -> None:
    attributes = optuna.load_study(study_name=name, storage=storage, sampler=RandomSampler()).user_attrs
    if attributes.get(MARK) == sweep:
        return
    owner = f"belongs to the sweep {attributes[MARK]}" if MARK in attributes else "was not made by frequency-reg"
    raise ConfigError(
        f"hydra.sweeper.study_name={name}: the storage has a study of that name that {owner}; "
        "it is left as it is, choose another name with hydra.sweeper.study_name=NAME"
    )


def _copy(trial: FrozenTrial, state: TrialState, steps: dict[int, float]) -> FrozenTrial:
    return create_trial(
        state=state,
        values=trial.values if state == TrialState.COMPLETE else None,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values=steps,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "the Python driver of that database is not installed"
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return without_password(str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__)


# --- files that a kill or a full disk tore ---------------------------------------------------------------------------


def _move_damaged_aside(text: str, say: Callable[[str], None]) -> None:
    if "://" not in text:
        file, damage = Path(text), _journal_damage
    elif text.startswith(_SQLITE):
        file, damage = Path(text.removeprefix(_SQLITE).partition("?")[0]), _sqlite_damage
    else:
        return
    if not file.is_file() or not file.stat().st_size or not (reason := damage(file)):
        return
    aside = _free_name(file)
    file.rename(aside)
    for tail in ("-journal", "-wal", "-shm"):  # SQLite would apply these to the new file
        leftover = file.with_name(file.name + tail)
        if leftover.exists():
            leftover.rename(aside.with_name(aside.name + tail))
    say(f"warning: {_KEY}: {file} is damaged ({reason}); moved to {aside}, and made anew from the records")


def _free_name(file: Path) -> Path:
    names = (f"{file.name}.damaged{number or ''}" for number in range(1000))
    return next(path for path in map(file.with_name, names) if not path.exists())


def _journal_damage(file: Path) -> str:
    content = file.read_bytes()
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            json.loads(line)
        except ValueError:
            return f"line {number} is torn"
    return "" if content.endswith(b"\n") else "its last line is torn"


def _sqlite_damage(file: Path) -> str:
    try:
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return ""  # locked or not to be opened: no damage; opening it says what is wrong
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)
