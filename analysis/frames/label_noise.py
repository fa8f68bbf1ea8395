"""What noise on training labels does to the error against the clean ones, and what of it is fitted."""

from __future__ import annotations

import pandas as pd

from analysis.frames.function import joined, updates
from analysis.frames.recorded import recorded
from analysis.load import Records

_TIME = ["epoch", "iteration"]
_NOISE = {"noise": "config.dataset.noise", "noise_frequency": "config.dataset.noise_frequency"}


def validation_error(records: Records) -> pd.DataFrame:
    """Error on clean validation labels at every measured epoch.

    Returns:
        The description, noise (its kind; missing where the records do not say), noise_frequency (k of radial noise),
        epoch, iteration (updates until then), statistics of the mean squared error. Empty where no run asked for the
        probe ``validation_dip``.
    """
    query = f"""
        SELECT run_id, noise, noise_frequency, epoch, epoch * {updates(records)} AS iteration, validation_loss AS value
        FROM validation_dip{joined(records)} JOIN ({_noise(records)}) USING (run_id)"""
    return recorded(records, "validation_dip", query, [*_NOISE, *_TIME])


def dip_ratio(records: Records) -> pd.DataFrame:
    """Smallest error of a run over that after its last measured epoch.

    Returns:
        The description, noise and noise_frequency as of :func:`validation_error`, statistics of the ratio.
    """
    query = f"""
        SELECT run_id, noise, noise_frequency, arg_max(dip_ratio, epoch) AS value
        FROM validation_dip JOIN ({_noise(records)}) USING (run_id) GROUP BY ALL"""
    return recorded(records, "validation_dip", query, list(_NOISE))


def dip_time(records: Records) -> pd.DataFrame:
    """When a run's validation error was smallest.

    Returns:
        The description, unit (``iteration``, or ``epoch`` where the records do not say how many updates one has),
        statistics of that time.
    """
    factor = updates(records)
    query = f"""
        SELECT run_id, CASE WHEN any_value({factor}) IS NULL THEN 'epoch' ELSE 'iteration' END AS unit,
               arg_max(minimum_epoch, epoch) * coalesce(any_value({factor}), 1) AS value
        FROM validation_dip{joined(records)} GROUP BY run_id"""
    return recorded(records, "validation_dip", query, ["unit"])


def kernel_residual(records: Records) -> pd.DataFrame:
    """What is left to fit in the slow and in the fast half of a kernel's eigenvectors, at every measured epoch.

    Returns:
        The description, half (``low``, ``high``), epoch, iteration, statistics of the root mean square coefficient of
        the residual over the half's eigenvectors. Empty where no run asked for the probe ``kernel_residual``.
    """
    query = f"""
        SELECT run_id, half, epoch, epoch * {updates(records)} AS iteration,
               sqrt(sum(residual * residual * n) / sum(n)) AS value
        FROM (SELECT *, last_index - first_index + 1 AS n,
                     CASE WHEN 2 * band <= max(band) OVER (PARTITION BY run_id) THEN 'low' ELSE 'high' END AS half
              FROM kernel_residual){joined(records)} GROUP BY ALL"""
    return recorded(records, "kernel_residual", query, ["half", *_TIME])


def _noise(records: Records) -> str:
    """SQL for the noise of every run; its frequency where it is radial."""
    known = records.run.column_names
    noise, frequency = (f'"{column}"' if column in known else "NULL" for column in _NOISE.values())
    of_radial = f"CASE WHEN {noise} = 'radial' THEN {frequency} END"
    return f"SELECT run_id, {noise} AS noise, {of_radial} AS noise_frequency FROM run"
