"""Spectral Suppression Ratios over training, after it, by depth, and beside their null."""

from __future__ import annotations

from collections.abc import Sequence

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


def null_distribution(
    records: Records, layers: Sequence[str] = ("first", "last"), normalizations: Sequence[str] = NORMALIZATIONS
) -> pd.DataFrame:
    """SSR between pairs of independent random initialisations of a layer: what SSR is when nothing was learned.

    Args:
        layers: ``first``, ``last`` or module paths; empty for every layer, with the module path as its position.

    Returns:
        One row for each configuration, position and normalization: the description, position, layer, normalization,
        mean, sd, low, high (2.5% and 97.5% quantiles), n (distinct draws; runs that recorded equal draws count once).
    """
    chosen = f"position IN ({_list(layers)})" if layers else "position = layer"
    rows = records.sql(f"""
        SELECT configuration, position, layer, normalization, favg(value ORDER BY draw, value) AS mean,
               stddev_samp(value ORDER BY draw, value) AS sd,
               quantile_cont(value, 0.025) AS low, quantile_cont(value, 0.975) AS high, count(value) AS n
        FROM (SELECT DISTINCT configuration, position, layer, normalization, draw, value
              FROM ssr_null JOIN layers USING (run_id, layer) JOIN runs USING (run_id)
              WHERE status = 'complete' AND value IS NOT NULL AND {chosen}
                    AND normalization IN ({_list(normalizations)}))
        GROUP BY ALL ORDER BY configuration, position, layer, normalization""")
    return described(records, rows)


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(quoted, texts))
