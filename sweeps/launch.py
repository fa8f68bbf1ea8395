"""From a Hydra launcher's job overrides to outcomes: what the launchers of every backend have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from frequency_reg.compose import Composer
from frequency_reg.config import Config
from sweeps import display
from sweeps.backend import Backend, Task
from sweeps.engine import Policy, execute


def launch(
    job_overrides: Sequence[Sequence[str]],
    config: DictConfig,
    backend: Callable[[Sequence[Task]], Backend],
    policy: Policy,
) -> list[JobReturn]:
    """Do the runs that ``job_overrides`` mean and return Hydra's job returns; the return value is the ``Outcome``.

    Args:
        job_overrides: one list of overrides a run.
        config: of the whole command, as Hydra gives it to a launcher.
        backend: makes the place to do them, from the tasks; called once.
        policy: what is done about failures.

    Raises:
        ConfigError: a key, option, type or range is wrong.
        KeyboardInterrupt: interrupted; every run has left its records.
    """
    composer = Composer(hydra_overrides(config))
    tasks = [Task(_portable(composer.config(overrides))) for overrides in job_overrides]
    outcomes = execute(tasks, backend(tasks), policy, display.make(tasks[0].config.runtime.progress))
    return [
        JobReturn(overrides=overrides, status=JobStatus.COMPLETED, _return_value=outcome)
        for overrides, outcome in zip(job_overrides, outcomes, strict=True)
    ]


def hydra_overrides(config: DictConfig) -> list[str]:
    """What the command says to Hydra itself (search path, ...), which every run is composed with."""
    return [str(text) for text in config.hydra.overrides.hydra]


def _portable(config: Config) -> Config:
    """The configuration with its outputs folder absolute: the process that does the run may stand elsewhere."""
    return replace(config, outputs=str(Path(config.outputs).absolute()))
