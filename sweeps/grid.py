"""Every combination of the swept values, or only those whose records have a certain status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from frequency_reg.compose import Composer, grid
from frequency_reg.run_id import identity, recorded_outcome, run_directory


def jobs(
    arguments: Sequence[str],
    params: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    retry: Sequence[str],
    composer: Composer,
) -> list[tuple[str, ...]]:
    """The overrides of each run.

    Args:
        arguments: of the command line.
        params: of ``hydra.sweeper.params``; the command line wins.
        rows: of ``hydra.sweeper.rows``: what replaces or joins ``params``, a grid of its own for each.
        retry: statuses; if there are any, only runs whose records have one of them.
        composer: composes runs.

    Raises:
        ConfigError: a key has no values.
    """
    every, _ = grid(arguments, params, composer, rows)
    if not retry:
        return every
    return [job for job in every if _status(composer, job) in retry]


def _status(composer: Composer, job: Sequence[str]) -> str | None:
    config = composer.config(job)
    outcome = recorded_outcome(run_directory(config), identity(config))
    return None if outcome is None else outcome.status
