"""Differences paired by seed: interval, t test and effect size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaln, nctdtrinc, stdtr

from analysis.statistics import CONFIDENCE, Bools, Floats
from analysis.statistics.estimate import student
from analysis.statistics.multiplicity import can_reach


def paired_differences(
    treated: pd.DataFrame, baseline: pd.DataFrame, by: Sequence[str], tests: int | None = None
) -> pd.DataFrame:
    """Mean of (treated - baseline) over the seeds that both have: interval, two-sided paired t test, effect size.

    t = mean / (sd / sqrt(n)) on n - 1 degrees of freedom. The interval is Student's at every n, so that it leaves out 0
    exactly where p < .05. If the differences have no spread t does not exist: p is 1 where they are all zero and
    missing otherwise. Effect size: :func:`hedges_g`.

    Args:
        treated, baseline: columns ``by``, ``seed`` and ``value``; one row for each group and seed.
        tests: size of the family that p will be corrected over; the tests of this frame if left out.

    Returns:
        Columns ``by``, those of :func:`analysis.statistics.estimate.summarize` (of the differences; n counts pairs), p,
        hedges_g with g_low and g_high (95%; missing where the differences have no spread or n = 2), and can_reach:
        whether this n :func:`can_reach` .05 in that family without the assumption of normal differences.

    Raises:
        pandas.errors.MergeError: a seed occurs twice in a group.
    """
    pairs = treated.merge(baseline, on=[*by, "seed"], suffixes=("", "_baseline"), validate="one_to_one")
    pairs["difference"] = pairs["value"] - pairs["value_baseline"]
    pairs["scale"] = pairs[["value", "value_baseline"]].abs().max(axis=1)
    result = student(pairs, by, "difference")
    scale = pairs.groupby(list(by), dropna=False, sort=False, observed=True)["scale"].max().to_numpy(dtype=float)
    mean, sd, n = (result[c].to_numpy(dtype=float) for c in ("mean", "sd", "n"))
    result["p"] = paired_t(mean, sd, n, scale)
    result["hedges_g"], result["g_low"], result["g_high"] = hedges_g(mean, np.where(spreads(sd, scale), sd, np.nan), n)
    result["can_reach"] = can_reach(n, int(result["p"].notna().sum()) if tests is None else tests)
    return result


def spreads(sd: Floats, scale: Floats) -> Bools:
    """Whether values of size ``scale`` differ: equal ones computed in floating point leave a spread of some ulp."""
    return np.asarray(sd > 1e-12 * scale)


def paired_t(mean: Floats, sd: Floats, n: Floats, scale: Floats) -> Floats:
    """Two-sided p of the paired t test; ``scale`` is the largest of the absolute values that were subtracted."""
    spread = spreads(sd, scale)
    t = np.abs(mean) * np.sqrt(np.where(n > 1, n, np.nan)) / np.where(spread, sd, np.nan)
    p = 2 * stdtr(np.where(n > 1, n - 1, np.nan), -t)
    return np.where((n > 1) & ~spread & (mean == 0), 1.0, p)


def hedges_g(mean: Floats, sd: Floats, n: Floats) -> tuple[Floats, Floats, Floats]:
    """Effect size of paired differences in standard deviations of the differences, and its exact 95% interval.

    g = J mean / sd, J = Gamma(m / 2) / (sqrt(m / 2) Gamma((m - 1) / 2)), m = n - 1: the exact correction (Hedges 1981)
    that makes g unbiased for delta = true mean / true sd; at n = 2 no unbiased estimate exists and g is missing. The
    interval of delta: the noncentralities at which t = sqrt(n) mean / sd is the 97.5% and the 2.5% quantile of the
    noncentral t distribution, over sqrt(n) (Cumming and Finch 2001); it holds g, but g is not its middle. Both lean on
    normal differences. At small n the interval is wide: at n = 3, g = 2 goes with 0.27 to 7.0.

    Args:
        mean, sd, n: of the differences, shape (groups,).

    Returns:
        g and the interval's low and high, shape (groups,); missing where sd is missing or n < 3.
    """
    m = np.where((n > 2) & (sd > 0), n - 1, np.nan)
    correction = np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    effect = mean / np.where(np.isnan(m), np.nan, sd)
    t = effect * np.sqrt(n)
    low, high = (nctdtrinc(m, q, t) / np.sqrt(n) for q in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2))
    found = np.isfinite(low) & np.isfinite(high)  # the inversion gives up beyond t of some 10^4
    return correction * effect, np.where(found, low, np.nan), np.where(found, high, np.nan)
