"""``hydra/sweeper=optuna`` put together: from the command to a search that is played, shown and recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from frequency_reg.compose import Composer
from frequency_reg.outcome import FruitlessError
from sweeps.launch import hydra_overrides
from sweeps.mirror import StorageMirror, open_mirror
from sweeps.optuna_part import OPTUNA
from sweeps.study import Result, Search
from sweeps.study_result import describe, publish
from sweeps.study_settings import study_settings


def search(
    arguments: Sequence[str],
    config: DictConfig,
    keys: Mapping[str, Any],
    launch: Callable[[Sequence[Sequence[str]]], Sequence[JobReturn]],
) -> list[JobReturn]:
    """Play the search of one command to its end; one job return for each run, its value the ``Outcome``.

    Args:
        arguments: overrides of the command line.
        config: of the whole command.
        keys: of ``hydra.sweeper``, ``_target_`` left out.
        launch: does jobs, given by their overrides.

    Raises:
        ConfigError: a key of the search, its space or its storage is wrong.
        FruitlessError: no trial is complete.
        KeyboardInterrupt: interrupted; the same command goes on.
    """
    settings = study_settings(keys)
    composer = Composer(hydra_overrides(config))
    space = composer.search_space(arguments, keys.get("params") or {})
    ours = Search(
        settings,
        space,
        compose=composer.config,
        launch=lambda jobs: [job.return_value for job in launch(jobs)],
        trusted=(*OPTUNA, *config.trusted_packages),
    )
    with _mirror(ours) as mirror:
        result = ours.run(mirror)
    publish(ours.folder, result, ours.identity)
    print(describe(result), flush=True)
    _require_a_trial(result)
    return [
        JobReturn(overrides=run.overrides, status=JobStatus.COMPLETED, _return_value=outcome)
        for run, outcome in result.runs
    ]


def _require_a_trial(result: Result) -> None:
    if not result.front and not result.interrupted:
        why = f"; the last one: {result.trials[-1].detail}" if result.trials else ""
        raise FruitlessError(f"no trial of this search is complete{why}", [outcome for _, outcome in result.runs])


@contextmanager
def _mirror(ours: Search) -> Iterator[StorageMirror | None]:
    settings = ours.settings
    if settings.storage is None:
        yield None
        return
    name = settings.study_name or ours.name
    with closing(open_mirror(settings.storage, name, ours.name, settings.goals)) as mirror:
        yield mirror
