"""Which configurations no other one beats in several metrics at once."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.aggregate import DESCRIPTION, headline
from analysis.frames.robustness import fronts
from analysis.load import Records

_KINDS = ("noise", "blur")


def objectives(records: Records) -> list[str]:
    """Clean accuracy and accuracy under two corruptions, one of noise and one of blur if there are such."""
    names = [str(name) for name in records.sql("SELECT DISTINCT corruption FROM corrupted ORDER BY ALL")["corruption"]]
    chosen: list[str] = []
    for kind in _KINDS:
        chosen += [name for name in names if kind in name and name not in chosen][:1]
    chosen += [name for name in names if name not in chosen]
    return ["clean_accuracy", *(f"accuracy/{name}" for name in chosen[:2])]


def pareto_fronts(records: Records, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Chosen metrics (larger is better) of every configuration, and whether it is on their common front.

    Args:
        metrics: two or more, such as ``accuracy/gaussian_noise``; :func:`objectives` if left out.

    Returns:
        One row for each configuration, metric: the description, metric, mean, half_width, low, high, sd, n, and
        on_front: true where no other configuration of the same context is at least as good in all means and better in
        one. It is missing where a configuration of the context has n = 1: a front is a ranking. Configurations that
        lack one of the metrics are left out; there is no row where there are fewer than two metrics.

    Raises:
        AnalysisError: no run has a metric of that name.
    """
    names = list(metrics) if metrics is not None else objectives(records)
    frame = headline(records, names).dropna(subset="mean")
    if len(names) < 2:
        return frame.iloc[:0].assign(on_front=None)
    wide = frame.pivot_table(index="configuration", columns="metric", values="mean").reindex(columns=names).dropna()
    fewest = frame.groupby("configuration")["n"].min()
    points = frame[DESCRIPTION].drop_duplicates("configuration")
    points = points[points["configuration"].isin(wide.index)].reset_index(drop=True)
    points = points.join(wide, on="configuration").assign(n=points["configuration"].map(fewest))
    marked = fronts(points, names, ["context"]).set_index("configuration")["on_front"]
    kept = frame[frame["configuration"].isin(wide.index)].reset_index(drop=True)
    return kept.assign(on_front=kept["configuration"].map(marked))
