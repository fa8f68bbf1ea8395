"""What a model has learned of a function: its spectrum and itself, over training."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records
from analysis.statistics.estimate import summarize


def explained_variance(records: Records) -> pd.DataFrame:
    """How much of each frequency of the function to fit is explained, at every measured epoch.

    Returns:
        The description, frequency (k, cycles per period), epoch, iteration (updates until then; missing where the
        records do not say how many an epoch has), statistics of 1 - |f_k - y_k|^2 / |y_k|^2. Empty where no run asked
        for the probe ``function_spectrum``.
    """
    query = f"""
        SELECT run_id, frequency, epoch, epoch * {updates(records)} AS iteration, explained_variance AS value
        FROM function_spectrum{joined(records)} WHERE explained_variance IS NOT NULL"""
    return recorded(records, "function_spectrum", query, ["frequency", "epoch", "iteration"])


def first_reached(records: Records, share: float) -> pd.DataFrame:
    """When ``share`` of each frequency is first explained, by configuration; measured epochs only, so never too early.

    Returns:
        One row a configuration and frequency: configuration, frequency, seeds, reached (how many of them got there),
        mean, half_width (95%, over those that did, in iterations where the records say how many an epoch has, else in
        epochs; missing below n = 2). Empty where no run asked for the probe ``function_spectrum``.
    """
    columns = ["configuration", "frequency", "seeds", "reached", "mean", "half_width"]
    if "function_spectrum" not in records.tables:
        return pd.DataFrame(columns=columns)
    times = records.sql(f"""
        SELECT configuration, frequency, seed, favg(time) AS value FROM (
            SELECT run_id, frequency, min(CASE WHEN explained_variance >= {share} THEN epoch END)
                   * coalesce(min({updates(records)}), 1) AS time
            FROM function_spectrum{joined(records)} WHERE explained_variance IS NOT NULL GROUP BY run_id, frequency)
        JOIN runs USING (run_id) WHERE status = 'complete' GROUP BY ALL ORDER BY ALL""")
    keys = ["configuration", "frequency"]
    counts = times.groupby(keys, sort=False)["value"].agg(seeds="size", reached="count").reset_index()
    found = summarize(times.dropna(subset="value"), keys)[[*keys, "mean", "half_width"]]
    return counts.merge(found, on=keys, how="left")[columns]


def magnitude_evolution(records: Records) -> pd.DataFrame:
    """Amplitude of each frequency of the model's function beside that of the function to fit, at every measured epoch.

    Returns:
        As of :func:`explained_variance`, statistics of |c_k| / target |c_k|; frequencies that the target has.
    """
    query = f"""
        SELECT run_id, frequency, epoch, epoch * {updates(records)} AS iteration, amplitude / target_amplitude AS value
        FROM function_spectrum{joined(records)} WHERE explained_variance IS NOT NULL"""
    return recorded(records, "function_spectrum", query, ["frequency", "epoch", "iteration"])


def manifold_magnitudes(records: Records) -> pd.DataFrame:
    """:func:`magnitude_evolution` of runs on curves of different shape.

    Returns:
        The same with petals (L, whole periods of the curve's radius). Empty where the records name none.
    """
    column = "config.dataset.petals"
    petals = f'"{column}"' if column in records.run.column_names else "NULL::INT"
    query = f"""
        SELECT run_id, frequency, petals, epoch, epoch * {updates(records)} AS iteration,
               amplitude / target_amplitude AS value
        FROM function_spectrum{joined(records)} JOIN (SELECT run_id, {petals} AS petals FROM run) USING (run_id)
        WHERE explained_variance IS NOT NULL AND petals IS NOT NULL"""
    return recorded(records, "function_spectrum", query, ["frequency", "petals", "epoch", "iteration"])


def function_fit(records: Records) -> pd.DataFrame:
    """The function to fit and the model's own, at the epochs at which both were written.

    Returns:
        The description, epoch, iteration, position (place on the grid, in periods), target (its value), statistics of
        the model's value. Empty where no run asked for the probe ``function_spectrum``.
    """
    query = f"""
        SELECT run_id, epoch, epoch * {updates(records)} AS iteration, position, target, output AS value
        FROM function_fit{joined(records)}"""
    return recorded(records, "function_fit", query, ["epoch", "iteration", "position", "target"])


_UPDATES = "config.steps_per_epoch"


def updates(records: Records) -> str:
    """SQL for the number of updates of an epoch, beside :func:`joined`; NULL where the records do not say."""
    # Where no run sets it the column holds text, and no value.
    return f'TRY_CAST("{_UPDATES}" AS BIGINT)' if _says(records) else "NULL::BIGINT"


def joined(records: Records) -> str:
    """SQL after a table's name that makes :func:`updates` known."""
    return f' JOIN (SELECT run_id, "{_UPDATES}" FROM run) USING (run_id)' if _says(records) else ""


def _says(records: Records) -> bool:
    """Whether the records hold the number of updates of an epoch at all: older ones do not."""
    return _UPDATES in records.run.column_names
