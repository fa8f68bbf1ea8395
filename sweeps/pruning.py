"""Pruning: a search's pruner looks at one run after every epoch, in the run's process and again when records are read.

The pruner sees one validation metric of the trials told before this trial's batch, and of this run. The decision is
therefore a function of records, and the same whoever takes it and whenever. It lives in a study of its own with that
metric as the only objective, so that any pruner of Optuna can prune a search that has several objectives.

What the trials told so far were worth lies in one file of the sweep's folder, ``.study/<digest>.json``, which only
grows: a rule looks at the first ``told`` trials of it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge

from frequency_reg.config import ConfigError
from frequency_reg.records import write_file
from frequency_reg.stopping import Metric, StoppingRule
from sweeps.objective import Direction
from sweeps.optuna_part import OPTUNA, build

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FOLDER = ".study"


@dataclass(frozen=True)
class Curve:
    """What a pruner knows of a trial that has been told.

    Attributes:
        state: ``COMPLETE``, ``PRUNED`` or ``FAIL``.
        values: the metric by epoch, from 1 on, up to the epoch of pruning.
        attributes: what the pruner noted of the trial, such as the rungs that it reached.
    """

    state: Literal["COMPLETE", "PRUNED", "FAIL"]
    values: Mapping[int, float] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """All that the pruning of a search depends on, but for the run at hand.

    Attributes:
        study: name of the search; Hyperband deals trials into brackets by it.
        metric: what the pruner looks at.
        direction: ``maximize`` or ``minimize``.
        pruner: mapping with ``_target_``.
        trusted: packages that ``_target_`` may name.
        curves: of the trials told so far, in order of their number.
    """

    study: str
    metric: Metric
    direction: Direction
    pruner: Mapping[str, Any]
    trusted: Sequence[str] = OPTUNA
    curves: Sequence[Curve] = ()

    def write(self, path: Path) -> None:
        """Publish at ``path``; raises ``RecordsError`` if the file system refuses."""
        write_file(path, json.dumps(asdict(self)).encode())

    @staticmethod
    def read(path: Path) -> History:
        """What :meth:`write` published; raises ``ConfigError`` if it cannot be read."""
        try:
            content = json.loads(path.read_text())
            curves = [
                Curve(c["state"], {int(epoch): value for epoch, value in c["values"].items()}, c["attributes"])
                for c in content.pop("curves")
            ]
            return History(**content, curves=curves)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"pruning.history={path}: cannot be read ({error}); repeat the search's command, which writes it"
            ) from error


class Judge:
    """A pruner before one trial, epoch by epoch.

    Args:
        history: of the trials told before; later ones left out.
        trial: number of the trial.

    Raises:
        ConfigError: the pruner cannot be built.
    """

    def __init__(self, history: History, trial: int) -> None:
        import optuna
        from optuna.pruners import BasePruner
        from optuna.samplers import RandomSampler
        from optuna.trial import TrialState, create_trial

        self._pruner = build(history.pruner, BasePruner, "hydra.sweeper.pruner", trusted=history.trusted)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(
            study_name=history.study, direction=history.direction, sampler=RandomSampler(), pruner=self._pruner
        )
        # Trials of this batch that come before are under way: nothing is known of them but their number.
        unknown = [Curve("FAIL")] * (trial - len(history.curves))
        for curve in [*history.curves, *unknown]:
            last = curve.values[max(curve.values)] if curve.values else None
            self._study.add_trial(
                create_trial(
                    state=TrialState[curve.state],
                    value=last if curve.state == "COMPLETE" else None,
                    intermediate_values=dict(curve.values),
                    system_attrs=dict(curve.attributes),
                )
            )
        self._trial = self._study.ask()
        self.epoch = 0

    def prunes(self, epoch: int, value: float) -> bool:
        """Whether the pruner ends the trial after ``epoch``, at which the metric is ``value``; epochs ascend."""
        self.epoch = epoch
        self._trial.report(value, epoch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a value that is not a number: a pruner ends such a trial
            return bool(self._pruner.prune(self._study, self._recorded()))

    @property
    def attributes(self) -> dict[str, Any]:
        """What the pruner noted of the trial."""
        return dict(self._recorded().system_attrs)

    def _recorded(self) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[-1]


class StudyPruning(StoppingRule):
    """Ends a run where the pruner of its search would; told by the search, never by hand.

    Args:
        history: path of the file with the trials told so far.
        told: how many of them count, those before this trial's batch.
        trial: number of this trial.
        epochs: of the run; after the last there is nothing left to save.
    """

    def __init__(
        self,
        *,
        history: str,
        told: Annotated[int, Ge(0)],
        trial: Annotated[int, Ge(0)],
        epochs: Annotated[int, Ge(1)],
    ) -> None:
        read = History.read(Path(history))
        self.metric = read.metric
        self._history = History(**{**vars(read), "curves": read.curves[:told]})
        self._trial, self._epochs = trial, epochs
        self._judge: Judge | None = None
        self._reason: str | None = None

    def reason(self, values: Mapping[int, float]) -> str | None:
        """Why the run is to end now; see :class:`frequency_reg.stopping.StoppingRule`."""
        judge = self._judge = self._judge or Judge(self._history, self._trial)
        for epoch in sorted(epoch for epoch in values if epoch > judge.epoch):
            if judge.prunes(epoch, values[epoch]) and epoch < self._epochs and self._reason is None:
                pruner = str(self._history.pruner["_target_"]).rpartition(".")[2]
                self._reason = f"{pruner} at epoch {epoch}: {self.metric} {values[epoch]:.4g}"
        return self._reason


@dataclass(frozen=True)
class Verdict:
    """What a pruner says of a recorded run: the epoch of pruning, or None, and the curve up to it."""

    epoch: int | None
    values: Mapping[int, float]
    attributes: Mapping[str, Any]


def verdict(history: History, trial: int, values: Mapping[int, float], epochs: int) -> Verdict:
    """What :class:`StudyPruning` said, or would have said, of the run that recorded ``values``."""
    judge = Judge(history, trial)
    for epoch in sorted(values):
        if judge.prunes(epoch, values[epoch]) and epoch < epochs:
            return Verdict(epoch, {e: v for e, v in values.items() if e <= epoch}, judge.attributes)
    return Verdict(None, dict(values), judge.attributes)
