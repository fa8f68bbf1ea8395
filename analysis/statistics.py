"""Statistics over seeds: means with Student-t intervals, paired differences, Holm's correction.

The seed is the replication unit: a value is one number a seed, and n is the number of seeds. Missing values stay
missing and do not count. Student's t is used at every n; the percentile bootstrap covers 75% at n = 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
ALPHA = 0.05


def over_seeds(frame: pd.DataFrame, by: Sequence[str], value: str = "value") -> pd.DataFrame:
    """Mean, interval and n of ``value`` for every group, each seed counted once.

    Args:
        frame: columns ``by``, ``seed`` and ``value``. Several rows of one seed in a group are averaged first: a run
            repeated with the same seed is not a further replication.

    Returns:
        Columns ``by`` plus those of :func:`summarize`.
    """
    per_seed = frame.groupby([*by, "seed"], dropna=False, sort=False, observed=True)[value].mean().reset_index()
    return summarize(per_seed, by, value)


def summarize(frame: pd.DataFrame, by: Sequence[str], value: str = "value") -> pd.DataFrame:
    """Mean and 95% Student-t interval of the rows of every group.

    half_width = t(0.975, n - 1) * sd / sqrt(n), with sd the sample standard deviation (n - 1 in the denominator).

    Args:
        frame: columns ``by`` and ``value``; one row a replication.

    Returns:
        Columns ``by``, mean, half_width, low, high, sd (all in the unit of ``value``) and n. With n = 1 there is no
        half_width, low, high and sd; with n = 0 there is no mean either.
    """
    groups = frame.groupby(list(by), dropna=False, sort=False, observed=True)[value]
    result = groups.agg(mean="mean", sd="std", n="count").reset_index()
    n = result["n"].to_numpy(dtype=float)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, np.where(n > 1, n - 1, np.nan))
    result["half_width"] = quantile * result["sd"].to_numpy(dtype=float) / np.sqrt(np.where(n > 1, n, np.nan))
    result["low"] = result["mean"] - result["half_width"]
    result["high"] = result["mean"] + result["half_width"]
    return result[[*by, "mean", "half_width", "low", "high", "sd", "n"]]


def paired_differences(treated: pd.DataFrame, baseline: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean of (treated - baseline) over the seeds that both have, with its interval and two-sided paired t test.

    t = mean / (sd / sqrt(n)) on n - 1 degrees of freedom. If the differences have no spread t does not exist: p is 1
    where they are all zero and missing otherwise.

    Args:
        treated, baseline: columns ``by``, ``seed`` and ``value``; one row for each group and seed.

    Returns:
        Columns ``by``, those of :func:`summarize` (of the differences; n counts pairs) and p.
    """
    pairs = treated.merge(baseline, on=[*by, "seed"], suffixes=("", "_baseline"))
    pairs["difference"] = pairs["value"] - pairs["value_baseline"]
    scale = pairs[["value", "value_baseline"]].abs().max(axis=1)
    pairs["scale"] = scale
    result = summarize(pairs, by, "difference")
    largest = pairs.groupby(list(by), dropna=False, sort=False, observed=True)["scale"].max().to_numpy(dtype=float)
    mean, sd, n = (result[c].to_numpy(dtype=float) for c in ("mean", "sd", "n"))
    # Equal differences computed in floating point leave a spread of some ulp of the values; that is no spread.
    spread = sd > 1e-12 * largest
    t = np.abs(mean) / (np.where(spread, sd, np.nan) / np.sqrt(np.where(n > 1, n, np.nan)))
    p = 2 * stats.t.sf(t, np.where(n > 1, n - 1, np.nan))
    result["p"] = np.where((n > 1) & ~spread & (mean == 0), 1.0, p)
    return result


def holm(p: pd.Series) -> pd.Series:
    """Holm's step-down adjusted p values; missing p values are no tests and stay missing.

    adjusted(i) = max over j <= i of min(1, (m - j + 1) p(j)), p(1) <= ... <= p(m). Controls the family-wise error rate
    under any dependence (Holm 1979).
    """
    tested = p.dropna().sort_values(kind="stable")
    m = len(tested)
    steps = tested.to_numpy(dtype=float) * (m - np.arange(m))
    adjusted = pd.Series(np.minimum(np.maximum.accumulate(steps), 1.0) if m else steps, tested.index)
    return adjusted.reindex(p.index).astype(float)


def what_n_allows(n: int, tests: int) -> str:
    """In words, what n pairs can and cannot show in a family of ``tests`` tests.

    The smallest difference that can survive Holm's first step is t(1 - .05 / (2 tests), n - 1) / sqrt(n) standard
    deviations of the paired differences. Without the assumption of normal differences, the exact sign-flip test's
    smallest p is 2 / 2^n.
    """
    if n < 2:
        return (
            f"n = {n}: no interval, no test and no ranking; a difference between single runs cannot be told "
            "from the luck of the seed. Run at least 3 seeds."
        )
    needed = stats.t.ppf(1 - ALPHA / (2 * max(tests, 1)), n - 1) / np.sqrt(n)
    text = (
        f"n = {n} pairs: to survive Holm's correction over {tests} tests at .05, the largest difference must exceed "
        f"{needed:.3g} standard deviations of the paired differences."
    )
    if n < 6:
        text += (
            f" The test leans wholly on normal differences: without that assumption n = {n} cannot reach .05 "
            f"(smallest p of the exact sign-flip test {2 / 2**n:.3g}; it needs 6 seeds)."
        )
    return text
