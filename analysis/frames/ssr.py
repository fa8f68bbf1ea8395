"""Spectral Suppression Ratios over training, after it, by depth, and beside their null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.aggregate import described, estimates
from analysis.load import Records
from analysis.metric import NORMALIZATIONS, REFERENCES, quoted

_BY = ["position", "layer", "depth", "normalization", "reference", "epoch"]


def ssr_trajectories(
    records: Records,
    layers: Sequence[str] = ("first", "last"),
    normalizations: Sequence[str] = NORMALIZATIONS,
    references: Sequence[str] = REFERENCES,
) -> pd.DataFrame:
    """SSR of chosen layers over training.

    Args:
        layers: ``first`` and ``last`` (by depth, among convolutions with k > 1), or module paths.

    Returns:
        The description, position (the choice), layer, depth, normalization, reference, epoch, statistics of the SSR.
    """
    query = (
        "SELECT run_id, position, layer, ssr.depth, normalization, reference, epoch, value "
        "FROM ssr JOIN layers USING (run_id, layer) WHERE "
        f"position IN ({_list(layers)}) AND normalization IN ({_list(normalizations)}) "
        f"AND reference IN ({_list(references)})"
    )
    return estimates(records, query, _BY)


def final_ssr(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """SSR of chosen layers after the last epoch: columns as in :func:`ssr_trajectories`."""
    query = (
        "SELECT run_id, position, layer, ssr_final.depth, normalization, reference, epoch, value "
        f"FROM ssr_final JOIN layers USING (run_id, layer) WHERE position IN ({_list(layers)})"
    )
    return estimates(records, query, _BY)


def ssr_by_depth(records: Records) -> pd.DataFrame:
    """SSR of every convolution with k > 1 after the last epoch, for every normalization and reference.

    Returns:
        The description, layer, depth, normalization, reference, statistics of the SSR.
    """
    query = "SELECT run_id, layer, depth, normalization, reference, value FROM ssr_final WHERE status <> 'no_high_band'"
    return estimates(records, query, ["layer", "depth", "normalization", "reference"])


ENOUGH = 39
"""Draws from which a 95% range is given: fewer cannot show .05 (:mod:`analysis.statistics.null_position`)."""


def null_distribution(
    records: Records, layers: Sequence[str] = ("first", "last"), normalizations: Sequence[str] = NORMALIZATIONS
) -> pd.DataFrame:
    """SSR between pairs of independent random initialisations of a layer: what SSR is when nothing was learned.

    The null belongs to the network, whatever its regularizer: all configurations of a context share one, made of the
    distinct draws of its complete runs.

    Args:
        layers: ``first``, ``last`` or module paths; empty for every layer, with the module path as its position.

    Returns:
        One row for each configuration, position and normalization: the description, position, layer, normalization,
        mean, sd, low, high, n (distinct draws: equal ones of several runs count once, whatever their numbers). low and
        high are the 2.5% and 97.5% quantiles from :data:`ENOUGH` draws on, below that the smallest and largest draw.
    """
    chosen = f"position IN ({_list(layers)})" if layers else "position = layer"
    rows = records.sql(f"""
        WITH drawn AS (
            SELECT DISTINCT context, position, layer, normalization, value
            FROM ssr_null JOIN layers USING (run_id, layer) JOIN runs USING (run_id)
            WHERE status = 'complete' AND value IS NOT NULL AND {chosen}
                  AND normalization IN ({_list(normalizations)})
        ), ranges AS (
            SELECT context, position, layer, normalization, favg(value ORDER BY value) AS mean,
                   stddev_samp(value ORDER BY value) AS sd, count(value) AS n,
                   CASE WHEN n < {ENOUGH} THEN min(value) ELSE quantile_cont(value, 0.025) END AS low,
                   CASE WHEN n < {ENOUGH} THEN max(value) ELSE quantile_cont(value, 0.975) END AS high
            FROM drawn GROUP BY ALL
        )
        SELECT configuration, position, layer, normalization, mean, sd, low, high, n
        FROM ranges JOIN (
            SELECT DISTINCT configuration, context, position, layer FROM layers JOIN runs USING (run_id)
            WHERE status = 'complete'
        ) USING (context, position, layer)
        ORDER BY configuration, position, layer, normalization""")
    return described(records, rows)


def null_words(draws: Iterable[float]) -> str:
    """What a null range is, by its number of draws: ``range of 20 draws`` or ``95% of 120 draws``.

    Args:
        draws: n of the rows of :func:`null_distribution`; with several, the fewest and the most are named.
    """
    found = sorted({int(n) for n in draws if n == n})
    if not found:
        return "no draws"
    few, many = ([n for n in found if (n >= ENOUGH) == enough] for enough in (False, True))
    parts = [f"range of {_numbers(few)} draws"] if few else []
    return " or ".join([*parts, *([f"95% of {_numbers(many)} draws"] if many else [])])


def _numbers(found: Sequence[int]) -> str:
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(quoted, texts))
