"""A search: an Optuna study that is played again from the beginning whenever it starts, for the records are its truth.

Nothing of Optuna's state is stored. A batch of ``parallel`` trials is suggested by the seeded sampler; the runs that
these mean are looked up by their identity, and launched if they are missing; their values are read from the records and
told in order of trial number. What the sampler suggests depends on what it was told and on its seed alone, so a search
that was killed at any moment, or that is to have more trials, makes the suggestions of the uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol

import optuna
from hydra.core.override_parser.types import Quote, QuotedString
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from frequency_reg.config import Config, ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.records import RecordsError
from frequency_reg.run_id import OTHER_CODE, is_finished, recorded_outcome, run_directory
from frequency_reg.search_space import Parameter, SearchSpace, Value
from sweeps.backend import Task
from sweeps.engine import NOT_STARTED
from sweeps.objective import learning_curve, measure
from sweeps.optuna_part import OPTUNA, build, takes_seed
from sweeps.pruning import FOLDER, Curve, History, Verdict, verdict
from sweeps.study_settings import DEFAULT_SAMPLER, StudySettings, check_search

State = Literal["RUNNING", "COMPLETE", "PRUNED", "FAIL"]
Compose = Callable[[Sequence[str]], Config]
Launch = Callable[[list[list[str]]], Sequence[Outcome]]

FAILED = ("failed", "oom", "timeout")
"""Statuses that stay as they are when a search is started again, unless ``retry`` names them."""


class Mirror(Protocol):
    """Something that watches a search."""

    def asked(self, trial: FrozenTrial) -> None:
        """``trial`` is under way."""

    def told(self, trial: FrozenTrial, curve: Curve | None) -> None:
        """``trial`` has ended; ``curve`` is what the pruner saw of it."""


@dataclass(frozen=True)
class Run(Task):
    """One run of a trial: what its overrides compose to, and these."""

    overrides: tuple[str, ...]


@dataclass
class Trial:
    """One suggestion of the sampler and what became of it.

    Attributes:
        number: from 0 on.
        parameters: suggested values by key.
        runs: one for each seed; empty if the suggestion cannot be composed.
        ends: how the runs ended, by identity.
        state: ``RUNNING`` until told.
        detail: why it failed, or where it was pruned.
        values: objectives, each a mean over the seeds; empty unless complete.
        verdict: what the pruner says of the first run.
    """

    number: int
    parameters: dict[str, Value]
    runs: tuple[Run, ...] = ()
    ends: dict[str, Outcome] = field(default_factory=dict)
    state: State = "RUNNING"
    detail: str = ""
    values: dict[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None

    @property
    def reused(self) -> bool:
        """Whether nothing was done for it now."""
        return all(end.skipped for end in self.ends.values())


NO_FURTHER_RUNS = "the launcher starts no further runs"


@dataclass(frozen=True)
class Result:
    """A search that has ended.

    Attributes:
        settings: what was asked for.
        trials: told ones, in order of their number.
        front: numbers of the trials that no other trial beats in every objective; with one objective, the best.
        runs: of every trial, each once, with how it ended.
        stopped: why there are fewer trials than asked for; empty if there are not.
    """

    settings: StudySettings
    trials: tuple[Trial, ...]
    front: frozenset[int]
    runs: tuple[tuple[Run, Outcome], ...]
    stopped: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether trials are left that the same search would still do."""
        return self.stopped == NO_FURTHER_RUNS


class Search:
    """Plays a study from its records and launches what they lack.

    Args:
        settings: of the search.
        space: what varies.
        compose: the checked configuration of a run's overrides; raises ``ConfigError``.
        launch: does runs, given by their overrides, and returns the outcome of each.
        trusted: packages that samplers and pruners may come from.
        say: takes lines for the user.

    Raises:
        ConfigError: the sampler, the pruner, an objective or a representative run is refused.
    """

    def __init__(
        self,
        settings: StudySettings,
        space: SearchSpace,
        *,
        compose: Compose,
        launch: Launch,
        trusted: Sequence[str] = OPTUNA,
        say: Callable[[str], None] = print,
    ) -> None:
        self.settings, self.space = settings, space
        self._compose, self._launch, self._say = compose, launch, say
        runs = [compose(self._seeded(overrides, settings.seeds[0])) for overrides in space.representatives()]
        check_search(settings, space, runs)
        first = runs[0]
        self.name, self.folder = first.name, run_directory(first).parent
        self._history = self._empty_history(first.name, trusted)
        self._study = self._new_study(trusted)
        self._asked: dict[int, optuna.Trial] = {}
        self._mirror: Mirror | None = None
        self._batch: Sequence[Trial] = ()
        self._trials: list[Trial] = []
        self._launched: dict[tuple[int, str], Outcome] = {}

    # --- before the first trial ---

    def _empty_history(self, name: str, trusted: Sequence[str]) -> History | None:
        goal, pruner = self.settings.pruning, self.settings.pruner
        if goal is None or pruner is None:
            return None
        study = self.settings.study_name or name
        history = History(study, goal.name, goal.direction, pruner, list(trusted))  # type: ignore[arg-type]
        verdict(history, 0, {}, 1)  # builds the pruner: a bad one is refused now
        return history

    def _new_study(self, trusted: Sequence[str]) -> _AskAndTell:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        node = self.settings.sampler or DEFAULT_SAMPLER
        sampler = build(node, BaseSampler, "hydra.sweeper.sampler", seed=self.settings.seed, trusted=trusted)
        if not takes_seed(node):
            self._say(
                f"warning: hydra.sweeper.sampler: {node['_target_']} takes no seed; if it draws random numbers, this "
                "search started again will make other suggestions"
            )
        directions = [StudyDirection[goal.direction.upper()] for goal in self.settings.goals]
        storage = InMemoryStorage()
        storage.create_new_study(directions, "search")
        return _AskAndTell("search", storage, sampler, optuna.pruners.NopPruner())

    def _seeded(self, overrides: Sequence[str], seed: int) -> list[str]:
        return [*overrides, f"seed={seed}"]

    @cached_property
    def identity(self) -> str:
        """12 hex digits of what decides the suggestions; more trials do not change it."""
        said = {k: v for k, v in asdict(self.settings).items() if k not in ("n_trials", "storage", "retry")}
        parameters = [asdict(p) for p in (*self.space.groups, *self.space.values)]
        text = json.dumps([said, self.space.fixed, parameters], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def _history_path(self) -> Path:
        """Of the file that pruned runs read."""
        return self.folder / FOLDER / f"{self.identity}.json"

    # --- the loop ---

    def run(self, mirror: Mirror | None = None) -> Result:
        """Play the study to its last trial and show every trial to ``mirror``.

        Raises:
            KeyboardInterrupt: out of ``launch``; the same search goes on where it stopped.
            ConfigError: an objective names a layer that the model does not have.
        """
        stopped, self._mirror = "", mirror
        while len(self._trials) < self.settings.n_trials and not stopped:
            size = min(self.settings.parallel, self.settings.n_trials - len(self._trials))
            self._batch = [self._ask() for _ in range(size)]
            if not self._do(self._batch):
                stopped = NO_FURTHER_RUNS
                break
            for trial in self._batch:
                self._tell(trial)
            if self._study.exhausted:
                stopped = "the sampler has nothing left to suggest"
        if len(self._trials) == self.settings.n_trials:
            stopped = ""
        self._say_what_was_there()
        return self._result(stopped)

    def _ask(self) -> Trial:
        asked = self._asked[len(self._asked)] = self._study.ask()
        values = {p.name: _suggest(asked, p) for p in self.space.groups}
        values.update({p.name: _suggest(asked, p) for p in self.space.active(values)})
        trial = Trial(asked.number, values)
        texts = [self._seeded(self.space.overrides(values), seed) for seed in self.settings.seeds]
        try:
            trial.runs = tuple(Run(self._compose(text), tuple(text)) for text in texts)
        except ConfigError as error:
            trial.state, trial.detail = "FAIL", str(error)
        return trial

    def _do(self, batch: Sequence[Trial]) -> bool:
        """Bring every run of ``batch`` to its end, with a pruner the first seed's first. False: launching stopped."""
        heads = 0 if self._history is None else 1
        if self._history is not None and not self._finish([(trial, run) for trial in batch for run in trial.runs[:1]]):
            return False
        going_on = [t for t in batch if not heads or (t.runs and t.ends[t.runs[0].run_id].status == "complete")]
        if not self._finish([(t, run) for t in going_on if not _is_pruned(t) for run in t.runs[heads:]]):
            return False
        for trial in batch:
            self._conclude(trial)
        return True

    def _finish(self, pairs: Sequence[tuple[Trial, Run]]) -> bool:
        """Launch what the records lack of these runs, each once for a trial. False: launching stopped."""
        while True:
            missing: dict[Path, tuple[Trial, Run]] = {}
            for trial, run in pairs:
                if run.run_id in trial.ends:
                    continue
                end = self._look(trial, run)
                if end is None:
                    missing.setdefault(run.directory, (trial, run))
                else:
                    trial.ends[run.run_id] = end
            if not missing:
                return True
            self._show_batch()
            if self._history is not None:
                self._history.write(self._history_path)
            outcomes = self._launch([self._with_rule(trial, run) for trial, run in missing.values()])
            for (trial, run), outcome in zip(missing.values(), outcomes, strict=True):
                self._launched[trial.number, run.run_id] = outcome
            if any(outcome.status == NOT_STARTED for outcome in outcomes):
                return False

    def _show_batch(self) -> None:
        if self._mirror is not None:
            frozen = self._study.get_trials(deepcopy=False)
            for trial in self._batch:
                self._mirror.asked(frozen[trial.number])

    def _with_rule(self, trial: Trial, run: Run) -> list[str]:
        """The run's overrides, with the rule that prunes it if it is a trial's first."""
        if self._history is None or run is not trial.runs[0]:
            return list(run.overrides)
        path = QuotedString(str(self._history_path), Quote.single).with_quotes()
        rule = (
            f"{{_target_:sweeps.pruning.StudyPruning,history:{path},told:{len(self._history.curves)},"
            f"trial:{trial.number},epochs:{run.config.epochs}}}"
        )
        return [*run.overrides, f"++pruning={rule}"]

    # --- what the records say ---

    def _look(self, trial: Trial, run: Run) -> Outcome | None:
        """How ``run`` ended as far as ``trial`` is concerned; None if it is to be done."""
        launched = self._launched.get((trial.number, run.run_id))
        recorded = recorded_outcome(run.directory, run.run_id)
        said = launched or recorded
        if recorded is not None and self._history is not None and run is trial.runs[0]:
            curve = learning_curve(run.directory, self._history.metric)
            trial.verdict = verdict(self._history, trial.number, curve, run.config.epochs)
            if trial.verdict.epoch is not None:
                return said
        if recorded is not None:
            if is_finished(run.directory, run.run_id):
                return said
            if recorded.status in FAILED and recorded.status not in self.settings.retry:
                return said
        if launched is not None and launched.status == "complete":
            return Outcome(run.directory, "failed", "its records cannot be read")
        return launched

    def _conclude(self, trial: Trial) -> None:
        """Decide the trial's state from the ends of its runs."""
        if trial.state == "FAIL":
            return
        if _is_pruned(trial):
            assert trial.verdict is not None
            trial.state, trial.detail = "PRUNED", f"at epoch {trial.verdict.epoch}"
            return
        for end in trial.ends.values():
            if end.status != "complete":
                trial.state = "PRUNED" if end.status == "pruned" else "FAIL"
                trial.detail = f"{end.status}: {end.detail}" if end.detail else end.status
                return
        self._measure(trial)

    def _measure(self, trial: Trial) -> None:
        names = [goal.name for goal in self.settings.goals]
        try:
            found = [measure(run.directory, names) for run in trial.runs]
        except RecordsError as error:
            trial.state, trial.detail = "FAIL", str(error)
            return
        for name in names:
            values = [values[name] for values in found]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                trial.state, trial.detail, trial.values = "FAIL", f"{name} has no value", {}
                return
            trial.values[name] = fmean(known)
        trial.state = "COMPLETE"

    # --- telling ---

    def _tell(self, trial: Trial) -> None:
        curve = None
        if self._history is not None:
            curve = Curve("FAIL")
            if trial.verdict is not None and trial.state != "RUNNING":
                curve = Curve(trial.state, trial.verdict.values, trial.verdict.attributes)
            self._report(trial, curve)
            self._history = History(**{**vars(self._history), "curves": [*self._history.curves, curve]})
        values = list(trial.values.values()) if trial.state == "COMPLETE" else None
        self._study.tell(trial.number, values, state=TrialState[trial.state])
        self._trials.append(trial)
        if self._mirror is not None:
            self._mirror.told(self._study.get_trials(deepcopy=False)[trial.number], curve)
        if not trial.reused or not trial.ends:
            self._say(_line(trial))

    def _report(self, trial: Trial, curve: Curve) -> None:
        """Let a sampler that learns from pruned trials see the curve; Optuna has no place for several objectives'."""
        if len(self.settings.goals) == 1:
            for epoch, value in curve.values.items():
                self._asked[trial.number].report(value, epoch)

    def _say_what_was_there(self) -> None:
        reused = [trial for trial in self._trials if trial.ends and trial.reused]
        if reused:
            self._say(f"{len(reused)} of {len(self._trials)} trials were there already")
        other = sum(end.detail == OTHER_CODE for trial in reused for end in trial.ends.values())
        if other:
            self._say(f"warning: {other} of their runs: {OTHER_CODE}")

    def _result(self, stopped: str) -> Result:
        complete = any(trial.state == "COMPLETE" for trial in self._trials)
        front = frozenset(t.number for t in self._study.best_trials) if complete else frozenset()
        return Result(self.settings, tuple(self._trials), front, tuple(self._ends().values()), stopped)

    def _ends(self) -> dict[Path, tuple[Run, Outcome]]:
        """Every run with how it ended; of one that several trials share, what was done now and last."""
        ends: dict[Path, tuple[Run, Outcome]] = {}
        untold = [trial for trial in self._batch if trial.number >= len(self._trials)]
        for trial in [*self._trials, *untold]:
            for run in trial.runs:
                end = trial.ends.get(run.run_id) or self._launched.get((trial.number, run.run_id))
                if end is not None and (run.directory not in ends or not end.skipped):
                    ends[run.directory] = (run, end)
        return ends


class _AskAndTell(optuna.Study):
    """A study whose sampler may say that it has nothing left to suggest; Optuna knows that in its own loop only."""

    exhausted = False

    def stop(self) -> None:
        """Note that no further trial is to be asked for."""
        self.exhausted = True


def _suggest(asked: optuna.Trial, parameter: Parameter) -> Value:
    name = parameter.name
    if parameter.kind == "categorical":
        return asked.suggest_categorical(name, parameter.choices)
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.kind == "int":
        low, high = int(parameter.low), int(parameter.high)
        return asked.suggest_int(name, low, high, step=int(parameter.step or 1), log=parameter.log)
    return asked.suggest_float(name, parameter.low, parameter.high, step=parameter.step, log=parameter.log)


def _is_pruned(trial: Trial) -> bool:
    return trial.verdict is not None and trial.verdict.epoch is not None


def _line(trial: Trial) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in trial.values.items())
    return f"trial {trial.number}: {trial.state.lower()} {values or trial.detail}".rstrip()
