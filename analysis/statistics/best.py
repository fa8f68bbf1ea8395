"""What may be marked best: a confidence set, by paired tests over all pairs of groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics import ALPHA, Bools, Floats, Integers
from analysis.statistics.multiplicity import holm
from analysis.statistics.paired import paired_t


def best(frame: pd.DataFrame, by: Sequence[str], larger_is_better: bool = True) -> pd.Series:
    """Which groups may be marked best: "best", "tied" (one of those that may be) or "" for every group.

    A group is left unmarked if some other group is significantly better: paired t test over common seeds, Holm's
    correction over *all* pairs of groups. What is left may be the best. If that is one group it is "best"; if it is
    several they are "tied" (with equal seeds the highest mean is among them); if it is all of them nothing is marked.

    What a mark means: with probability 95% every unmarked group is truly worse than some other one, all these
    statements together; so the truly best one is among the marked. This is a confidence set for the best, as in
    subset selection (Gupta 1965) and multiple comparisons with the best (Hsu 1984), on pairwise tests because spreads
    differ between configurations. Comparing with the *observed* best alone corrects for too little, since being highest
    was luck in part and that luck is in every comparison: of ten equal groups it marks some in 9-13% of cases.

    What a mark does not mean: that "tied" groups are equal, that a "best" one is better by an amount that matters or
    would be so on other data. Its mean is biased upwards, having been chosen for being high. Choices belong on
    validation data.

    Args:
        frame: columns ``by``, ``seed`` and ``value``; several rows of one seed in a group are averaged.
        larger_is_better: False for a loss.

    Returns:
        The marks (str), in order of appearance, indexed by ``by``. Nothing is marked if a group has a single seed;
        groups without a value are never marked and do not hinder the others. Pairs without two common seeds, or whose
        differences have no spread, cannot be told apart.
    """
    names = frame[list(by)].drop_duplicates()
    index = pd.Index(names[by[0]]) if len(by) == 1 else pd.MultiIndex.from_frame(names)
    values = _by_seed(frame, by) * (1 if larger_is_better else -1)
    seeds = (~np.isnan(values)).sum(axis=1)
    marks = pd.Series("", index, dtype="str", name="mark")
    if len(values) == 0 or (seeds == 1).any():
        return marks
    kept = (seeds > 0) & ~_worse_than_another(values)
    if 0 < kept.sum() < (seeds > 0).sum():
        marks[kept] = "best" if kept.sum() == 1 else "tied"
    return marks


def _by_seed(frame: pd.DataFrame, by: Sequence[str]) -> Floats:
    """Means of ``value``: a row for each group in order of appearance, a column for each seed, missing where none."""
    row = frame.groupby(list(by), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    column, seeds = pd.factorize(frame["seed"], use_na_sentinel=False)
    value = frame["value"].to_numpy(dtype=float, na_value=np.nan)
    present = ~np.isnan(value)
    shape = (int(row.max(initial=-1)) + 1, len(seeds))
    cell, size = (row * shape[1] + column)[present], shape[0] * shape[1]
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, value[present], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)


def _worse_than_another(values: Floats) -> Bools:
    """Rows of ``values`` (groups, seeds) that Holm's correction over all pairs shows to be lower than another row."""
    first, second = np.triu_indices(len(values), 1)
    chunks = range(0, len(first), 100_000)
    parts = [_pairwise(values, first[at : at + 100_000], second[at : at + 100_000]) for at in chunks]
    worse = np.zeros(len(values), dtype=bool)
    if parts:
        mean, p = (np.concatenate(part) for part in zip(*parts, strict=True))
        # Holm's first step; most tables at small n end here.
        if np.nanmin(p, initial=1.0) * (~np.isnan(p)).sum() < ALPHA:
            shown = holm(pd.Series(p)).to_numpy() < ALPHA
            worse[first[shown & (mean < 0)]] = True
            worse[second[shown & (mean > 0)]] = True
    return worse


def _pairwise(values: Floats, first: Integers, second: Integers) -> tuple[Floats, Floats]:
    """Mean of the differences first - second over common seeds and p of the paired t test, for each pair of rows."""
    difference = values[first] - values[second]
    common = ~np.isnan(difference)
    n = common.sum(axis=1)
    mean = np.where(common, difference, 0).sum(axis=1) / np.where(n > 0, n, np.nan)
    deviation = np.where(common, difference - mean[:, None], 0)
    sd = np.sqrt((deviation**2).sum(axis=1) / np.where(n > 1, n - 1, np.nan))
    largest = np.max(np.abs(values), axis=1, initial=0, where=~np.isnan(values))
    return mean, paired_t(mean, sd, n.astype(float), np.maximum(largest[first], largest[second]))
