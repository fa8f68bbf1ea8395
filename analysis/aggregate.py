"""Records -> frames aggregated over seeds, ready for a table or a plot.

What is here concerns every question; ``analysis/frames/`` holds one file for each kind of measurement. Every function
takes the loaded records and returns a long frame whose rows carry the configuration (:data:`DESCRIPTION`, in display
order) and mean, half_width, low, high, sd and n over seeds. Only complete runs are aggregated; :func:`run_counts` and
:func:`incomplete_runs` account for the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.formatting import is_missing, value_text
from analysis.load import Records
from analysis.statistics.estimate import summarize

DESCRIPTION = ["configuration", "context", "label", "regularizer", "strength"]


def run_counts(records: Records) -> pd.DataFrame:
    """Number of runs with each status: columns status, runs, largest first."""
    counts = records.configurations.runs["status"].value_counts()
    return counts.rename_axis("status").rename("runs").reset_index()


def incomplete_runs(records: Records) -> pd.DataFrame:
    """Runs that did not complete: run_id, run_name, configuration, seed, status, status_detail."""
    runs = records.configurations.runs
    return runs[runs["status"] != "complete"].sort_values("run_name", ignore_index=True)


def missing_seeds(records: Records) -> list[str]:
    """A sentence on runs that record no seed; none if all do."""
    runs = records.configurations.runs
    without = int((runs["seed"] == "run " + runs["run_id"].astype(str)).sum())
    if not without:
        return []
    if without == len(runs):
        return ["no seed is recorded: each run counts as a replication of its own, and nothing can be paired."]
    return [
        f"{without} of {len(runs)} runs record no seed: each of these counts as a replication of its own, and cannot "
        "be paired."
    ]


_MADE_BY = {"source_digest": "code", "torch": "torch", "precision": "arithmetic", "data_digest": "data"}


def mixtures(records: Records) -> list[str]:
    """A sentence for each of code, torch, arithmetic and data of which complete runs to compare had several versions.

    Data are compared among runs that chose the same of them, a seed of the data's own included. Runs whose records do
    not say are left out.
    """
    run = records["run"]
    complete = run[run["status"] == "complete"]
    sentences = []
    for column, noun in _MADE_BY.items():
        made = f"provenance.{column}"
        if made not in complete:
            continue
        chosen = [key for key in complete.columns if f"{key}.".startswith("config.dataset.")]
        alike = column == "data_digest" and chosen
        for _, rows in complete.groupby(chosen, dropna=False) if alike else [("", complete)]:
            counts = rows[made].dropna().value_counts()
            if len(counts) > 1:
                listed = ", ".join(f"{n} by {value_text(version)[:12]}" for version, n in counts.items())
                sentences.append(f"Caution: these runs were made by {len(counts)} versions of {noun}: {listed}.")
    return sentences


def headline(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> pd.DataFrame:
    """Chosen metrics of every configuration.

    Args:
        metrics: names as in :mod:`analysis.metric`.

    Returns:
        One row for each configuration and metric, configurations without a complete run included (n = 0): the
        description, metric, mean, half_width, low, high, sd, n.

    Raises:
        AnalysisError: no run has a metric of that name.
    """
    metric.check(records, metrics)
    summary = summarize(metric.values(records, metrics), ["configuration", "metric"])
    every = records.configurations.table[["configuration"]].merge(pd.DataFrame({"metric": list(metrics)}), how="cross")
    full = every.merge(summary, on=["configuration", "metric"], how="left")
    full["n"] = full["n"].fillna(0).astype(int)
    return described(records, full)


def estimates(records: Records, query: str, by: Sequence[str]) -> pd.DataFrame:
    """Mean and interval over seeds of what a query finds in complete runs.

    Args:
        query: SQL whose rows have run_id, value and the columns ``by``.
        by: what tells values of one configuration apart (layer, epoch, ...); rows are sorted by it.

    Returns:
        The description, ``by``, and the columns of :func:`analysis.statistics.estimate.summarize`.
    """
    keys = ["configuration", *by]
    rows = records.sql(
        f"SELECT {', '.join(keys)}, seed, favg(value) AS value FROM ({query}) JOIN runs USING (run_id) "
        f"WHERE status = 'complete' GROUP BY {', '.join(keys)}, seed ORDER BY {', '.join(keys)}, seed"
    )
    return described(records, summarize(rows, keys))


def described(records: Records, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the description of each row's configuration and put the rows in display order."""
    table = records.configurations.table[[*DESCRIPTION, "order"]]
    frame = frame.merge(table, on="configuration", how="left").sort_values("order", kind="stable", ignore_index=True)
    rest = [c for c in frame.columns if c not in (*DESCRIPTION, "order")]
    return frame[[*DESCRIPTION, *rest]]


def lowest_n(frame: pd.DataFrame) -> int:
    """The smallest n over the rows that have a value; 0 for an empty frame."""
    n = frame.loc[frame["n"] > 0, "n"].min() if len(frame) else 0
    return 0 if is_missing(n) else int(n)
