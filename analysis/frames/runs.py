"""Every run, complete or not: what was chosen for it and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.aggregate import DESCRIPTION
from analysis.configuration import PREFIX, REGULARIZER
from analysis.formatting import MISSING, value_text
from analysis.load import Records

METRICS = ("clean_accuracy", "corrupted_accuracy", "ssr/last/dc/init")
RECORDED = ("validation_accuracy", "clean_accuracy")
FITTED = ("validation_loss", "clean_loss")
"""In place of :data:`RECORDED` where every run fits a function."""
MOST = 10
"""Axes that a page has room for, each a column of :func:`run_table`."""


def run_values(records: Records, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Hyperparameters and metrics of every run.

    Args:
        metrics: of complete runs; the others have none.

    Returns:
        One row for each run and axis: the description, run_id, seed, status, axis (a hyperparameter's key without
        ``config.``, the regularizer's name first; or a metric), kind (``hyperparameter`` or ``metric``), value (a
        number; missing where there is none), text (of a hyperparameter that is no number; missing otherwise). The
        hyperparameters are those that differ.
    """
    rows = records.sql(f"SELECT run_id, {', '.join(DESCRIPTION)}, seed, status FROM runs ORDER BY place, seed, run_id")
    run = records["run"].set_index("run_id")
    parts = []
    for column in _differing(records):
        chosen = rows["run_id"].map(run[column])
        numeric = pd.api.types.is_numeric_dtype(chosen) and not pd.api.types.is_bool_dtype(chosen)
        text = chosen.map(value_text)
        parts.append(
            rows.assign(
                axis=column.removeprefix(PREFIX),
                kind="hyperparameter",
                value=chosen.astype(float) if numeric else float("nan"),
                text=None if numeric else text.where(text != MISSING, None),
            )
        )
    # One value a seed, as in every table; a run that did not complete has none.
    values = metric.values(records, metrics)
    for name in metrics:
        found = values.loc[values["metric"] == name, ["configuration", "seed", "value"]]
        joined = rows.merge(found, on=["configuration", "seed"], how="left")
        joined["value"] = joined["value"].astype(float).where(joined["status"] == "complete")
        parts.append(joined.assign(axis=name, kind="metric", text=None))
    return pd.concat(parts, ignore_index=True)


def run_table(records: Records) -> pd.DataFrame:
    """The hyperparameters that differ and the metrics of every run, as the run itself recorded them.

    :func:`run_values` has means where a seed was repeated, and no metric of a run that did not complete; here every run
    stands for itself.

    Returns:
        One row for each run, complete or not: run_id, seed, configuration, regularizer, strength, status, a column for
        each hyperparameter but the regularizer's (key without ``config.``), and one for each metric of
        :data:`RECORDED` or :data:`FITTED` that was recorded. Regularizer, strength and these are :data:`MOST` at most.
    """
    runs = records.sql(
        "SELECT run_id, seed, configuration, regularizer, strength, status FROM runs ORDER BY place, seed"
    )
    run = records["run"].set_index("run_id").loc[runs["run_id"]].reset_index()
    differing = [c for c in records.configurations.differing if not c.startswith(REGULARIZER)]
    values = {c.removeprefix(PREFIX): run[c] for c in differing[: MOST - len(RECORDED) - 2]}
    fits = not run[[name for name in RECORDED if name in run]].notna().any(axis=None)
    fits = fits and records.sql("SELECT count(*) AS n FROM regressions")["n"].iloc[0] > 0
    return runs.assign(**values, **{name: run[name] for name in (FITTED if fits else RECORDED) if name in run})


def _differing(records: Records) -> list[str]:
    differing = list(records.configurations.differing)
    return sorted(differing, key=lambda column: (column != REGULARIZER, not column.startswith(REGULARIZER)))
