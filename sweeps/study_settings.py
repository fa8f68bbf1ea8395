"""The keys of ``hydra/sweeper=optuna``, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen

from frequency_reg.config import Config, ConfigError, check_mapping
from frequency_reg.search_space import SearchSpace
from frequency_reg.stopping import Metric
from sweeps.objective import VALIDATION, Objective, check_objective, objectives_of

DEFAULT_OBJECTIVES = {"validation_accuracy": "maximize"}
DEFAULT_SAMPLER = {"_target_": "optuna.samplers.TPESampler"}

Status = Literal["failed", "oom", "timeout", "killed", "running", "diverged", "pruned"]


@dataclass(frozen=True)
class StudySettings:
    """What a search is; ``conf/hydra/sweeper/optuna.yaml`` explains every key."""

    n_trials: Annotated[int, Ge(1)] = 20
    parallel: Annotated[int, Ge(1)] = 1
    seeds: Annotated[list[Annotated[int, Ge(0)]], MinLen(1)] = field(default_factory=lambda: [0])
    objectives: dict[str, Any] | None = None
    sampler: dict[str, Any] | None = None
    pruner: dict[str, Any] | None = None
    prune_on: Metric | None = None
    seed: Annotated[int, Ge(0)] = 0
    storage: Annotated[str, MinLen(1)] | None = None
    study_name: Annotated[str, MinLen(1)] | None = None
    retry: list[Status] = field(default_factory=list)

    @property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives; validation accuracy if none are named."""
        return objectives_of(DEFAULT_OBJECTIVES if self.objectives is None else self.objectives)

    @property
    def pruning(self) -> Objective | None:
        """The objective that prunes; None without a pruner."""
        if self.pruner is None:
            return None
        return next(goal for goal in self.goals if self.prune_on in (goal.name, None))


def study_settings(values: Mapping[str, Any]) -> StudySettings:
    """Check ``hydra.sweeper``'s keys, ``_target_`` left out; ``params`` belong to the search space and are passed over.

    Raises:
        ConfigError: naming the key, what was found and what is expected.
    """
    settings: StudySettings = check_mapping(
        StudySettings, {key: value for key, value in values.items() if key != "params"}, "hydra.sweeper"
    )
    if len(set(settings.seeds)) < len(settings.seeds):
        raise ConfigError(f"hydra.sweeper.seeds={settings.seeds}: each seed once")
    _check_pruning(settings, [goal.name for goal in settings.goals])
    return settings


def _check_pruning(settings: StudySettings, names: Sequence[str]) -> None:
    watched = [name for name in names if name in VALIDATION]
    if settings.pruner is None:
        if settings.prune_on is not None:
            raise ConfigError(
                f"hydra.sweeper.prune_on={settings.prune_on}: there is no pruner; "
                "add hydra.sweeper.pruner={_target_:optuna.pruners.MedianPruner} or leave prune_on out"
            )
    elif settings.prune_on is not None:
        if settings.prune_on not in names:
            raise ConfigError(
                f"hydra.sweeper.prune_on={settings.prune_on}: not an objective; the objectives are {', '.join(names)}"
            )
    elif not watched:
        raise ConfigError(
            "hydra.sweeper.pruner: a pruner looks at validation_accuracy or validation_loss after every epoch, and "
            f"neither is an objective; add one to hydra.sweeper.objectives (found {', '.join(names)})"
        )
    elif len(names) > 1:
        raise ConfigError(
            f"hydra.sweeper.prune_on: with several objectives one prunes; add hydra.sweeper.prune_on={watched[0]}"
        )


def check_search(settings: StudySettings, space: SearchSpace, runs: Sequence[Config]) -> None:
    """Refuse a space with keys that the search itself sets, and objectives that one of ``runs`` would not record.

    Raises:
        ConfigError: naming the key and how to mend it.
    """
    _check_space(settings, space)
    for config in runs:
        for goal in settings.goals:
            check_objective(goal.name, config)


def _check_space(settings: StudySettings, space: SearchSpace) -> None:
    fixed = {text.lstrip("+~").partition("=")[0]: text for text in space.fixed}
    if "seed" in space.varied or "seed" in fixed:
        raise ConfigError(
            f"{fixed.get('seed', 'seed')}: a search does every trial once for each of hydra.sweeper.seeds, which is "
            f"{settings.seeds}; leave seed out and write hydra.sweeper.seeds=[0,1,2]"
        )
    for key in ("name", "outputs", "pruning"):
        if key in space.varied:
            raise ConfigError(f"{key}: cannot be searched; give one value")
    if "pruning" in fixed and settings.pruner is not None:
        raise ConfigError(f"{fixed['pruning']}: hydra.sweeper.pruner sets this key; leave one of them out")
