"""Statistics over seeds: intervals, paired differences with effect sizes, Holm's correction, what may be marked best.

The seed is the replication unit: a value is one number a seed, and n is the number of seeds. Missing values stay
missing and do not count. Two more spreads stand beside that of the seeds: :func:`sampling_error` (test images) and
:func:`null_position` (random initialisations). ``tests/analysis/test_statistics_simulation.py`` measures what each of
these procedures promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln, nctdtrinc, ndtr, ndtri, stdtr, stdtrit

from analysis.load import AnalysisError

CONFIDENCE = 0.95
ALPHA = 0.05
BOOTSTRAP_FROM = 20
"""The least n at which a mean's interval is a bootstrap interval."""
RESAMPLES = 9999

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer]


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
    """Mean and 95% interval of the rows of every group: Student's t below n = 20, BCa bootstrap from there on.

    t: mean -+ t(0.975, n - 1) * sd / sqrt(n), with sd the sample standard deviation (n - 1 in the denominator). Exact
    for normal values; at n = 3 the percentile bootstrap covers 75%. BCa: :func:`_bca`, not symmetric about the mean,
    and nearer 95% for skewed values. Equal values give equal intervals, whatever their order and the other groups.
    Neither can see what did not happen: a rare collapse of the training that no seed met is in no interval.

    Args:
        frame: columns ``by`` and ``value``; one row a replication.

    Returns:
        Columns ``by``, mean, half_width (for BCa half of high - low), low, high, sd (all in the unit of ``value``), n
        and method ("t" or "bca"). With n = 1 there is no half_width, low, high, sd and method; with n = 0 there is no
        mean either.
    """
    result = _student(frame, by, value)
    large = result["n"].to_numpy() >= BOOTSTRAP_FROM
    if large.any():
        number = frame.groupby(list(by), dropna=False, sort=False, observed=True).ngroup().to_numpy()
        low, high = (result[c].to_numpy(dtype=float, copy=True) for c in ("low", "high"))
        for groups, values in _equally_many(number, frame[value].to_numpy(dtype=float, na_value=np.nan), large):
            low[groups], high[groups] = _bca(values)
        result["low"], result["high"] = low, high
        result.loc[large, "half_width"] = (high - low)[large] / 2
        result.loc[large, "method"] = "bca"
    return result


def _student(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    groups = frame.groupby(list(by), dropna=False, sort=False, observed=True)[value]
    result = groups.agg(mean="mean", sd="std", n="count").reset_index()
    n = result["n"].to_numpy(dtype=float)
    quantile = stdtrit(np.where(n > 1, n - 1, np.nan), (1 + CONFIDENCE) / 2)
    result["half_width"] = quantile * result["sd"].to_numpy(dtype=float) / np.sqrt(np.where(n > 1, n, np.nan))
    result["low"] = result["mean"] - result["half_width"]
    result["high"] = result["mean"] + result["half_width"]
    result["method"] = pd.Series("t", result.index, dtype="str").where(n > 1)
    return result[[*by, "mean", "half_width", "low", "high", "sd", "n", "method"]]


def _equally_many(number: Integers, values: Floats, chosen: Bools) -> Iterator[tuple[Integers, Floats]]:
    """The chosen groups' values, missing ones left out, as matrices (groups, n) of the groups with equal n."""
    kept = chosen[number] & ~np.isnan(values)
    number, values = number[kept], values[kept]
    order = np.lexsort((values, number))  # by group; within it by value, so that the order of the rows says nothing
    number, values = number[order], values[order]
    groups, start, counts = np.unique(number, return_index=True, return_counts=True)
    for n in np.unique(counts):
        same = counts == n
        yield groups[same], values[start[same, None] + np.arange(n)]


def _bca(values: Floats) -> tuple[Floats, Floats]:
    """Bias-corrected and accelerated bootstrap interval of the mean of every row; rows sorted, without gaps.

    End points: the quantiles Phi(z0 + z / (1 - a z)), z = z0 -+ w, of the means of 9,999 resamples; z0 = Phi^-1(share
    of them below the mean, ties half), a = sum d^3 / (6 (sum d^2)^1.5) with d the deviations from the mean (for a mean
    the jackknife acceleration; Efron 1987, Efron and Tibshirani 1993, ch. 14). w = t(0.975, n - 1) sqrt(n / (n - 1))
    instead of 1.96 (Hesterberg 2015, "expanded"): without it the interval covers 92.6% of normal means at n = 20. The
    generator is fixed.

    ``scipy.stats.bootstrap`` at that confidence level gives the same interval and takes 13 times as long: resampling a
    mean is one matrix product with the numbers of times that each value is drawn.

    Args:
        values: (rows, n).

    Returns:
        low and high, shape (rows,).
    """
    n = values.shape[1]
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES).T / n
    parts = [_bca_of(values[at : at + 256], drawn) for at in range(0, len(values), 256)]  # 20 MB a part
    low, high = np.concatenate(parts).T
    return low, high


def _bca_of(values: Floats, drawn: Floats) -> Floats:
    mean = values.mean(axis=1, keepdims=True)
    spread = values[:, -1] > values[:, 0]
    deviation = np.where(spread[:, None], values - mean, 0.0)
    means = np.sort(deviation @ drawn, axis=1)
    below = ((means < 0).sum(axis=1) + (means <= 0).sum(axis=1)) / (2 * RESAMPLES)
    squares = np.where(spread, (deviation**2).sum(axis=1), 1.0)
    acceleration = (deviation**3).sum(axis=1) / (6 * squares**1.5)
    bias = ndtri(below)[:, None]
    n = values.shape[1]
    expanded = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * np.sqrt(n / (n - 1))
    z = bias + np.array([-expanded, expanded])
    place = ndtr(bias + z / (1 - acceleration[:, None] * z)) * (RESAMPLES - 1)
    left = np.floor(place).astype(int)
    right = np.minimum(left + 1, RESAMPLES - 1)
    share = place - left
    ends = np.take_along_axis(means, left, 1) * (1 - share) + np.take_along_axis(means, right, 1) * share
    return np.asarray(np.where(spread[:, None], mean, values[:, :1]) + ends)


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
        Columns ``by``, those of :func:`summarize` (of the differences; n counts pairs), p, hedges_g with g_low and
        g_high (95%; missing where the differences have no spread or n = 2), and can_reach: whether this n
        :func:`can_reach` .05 in that family without the assumption of normal differences.

    Raises:
        pandas.errors.MergeError: a seed occurs twice in a group.
    """
    pairs = treated.merge(baseline, on=[*by, "seed"], suffixes=("", "_baseline"), validate="one_to_one")
    pairs["difference"] = pairs["value"] - pairs["value_baseline"]
    pairs["scale"] = pairs[["value", "value_baseline"]].abs().max(axis=1)
    result = _student(pairs, by, "difference")
    scale = pairs.groupby(list(by), dropna=False, sort=False, observed=True)["scale"].max().to_numpy(dtype=float)
    mean, sd, n = (result[c].to_numpy(dtype=float) for c in ("mean", "sd", "n"))
    result["p"] = _paired_t(mean, sd, n, scale)
    result["hedges_g"], result["g_low"], result["g_high"] = hedges_g(mean, np.where(spreads(sd, scale), sd, np.nan), n)
    result["can_reach"] = can_reach(n, int(result["p"].notna().sum()) if tests is None else tests)
    return result


def spreads(sd: Floats, scale: Floats) -> Bools:
    """Whether values of size ``scale`` differ: equal ones computed in floating point leave a spread of some ulp."""
    return np.asarray(sd > 1e-12 * scale)


def _paired_t(mean: Floats, sd: Floats, n: Floats, scale: Floats) -> Floats:
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


def can_reach(n: npt.ArrayLike, tests: int = 1) -> Bools:
    """Whether n pairs can reach .05 in a family of ``tests`` tests if differences are only taken to be symmetric.

    The exact sign-flip test's smallest two-sided p is 2 / 2^n, all differences having one sign; Holm's first step asks
    for tests * 2 / 2^n <= .05. So n = 3, 4 and 5 cannot, and 6 can in a single test.
    """
    return np.asarray(max(tests, 1) * 2.0 ** (1 - np.asarray(n, dtype=float)) <= ALPHA)


def holm(p: pd.Series) -> pd.Series:
    """Holm's step-down adjusted p values; missing p values are no tests and stay missing.

    adjusted(i) = max over j <= i of min(1, (m - j + 1) p(j)), p(1) <= ... <= p(m). Controls the family-wise error rate
    under any dependence (Holm 1979). Written out, as statsmodels would add a dependency and 0.7 s for these lines.
    """
    tested = p.dropna().sort_values(kind="stable")
    m = len(tested)
    steps = tested.to_numpy(dtype=float) * (m - np.arange(m))
    adjusted = pd.Series(np.minimum(np.maximum.accumulate(steps), 1.0) if m else steps, tested.index)
    return adjusted.reindex(p.index).astype(float)


def what_n_allows(n: int, tests: int) -> str:
    """In words, what n pairs can and cannot show in a family of ``tests`` tests.

    The smallest difference that can survive Holm's first step is t(1 - .05 / (2 tests), n - 1) / sqrt(n) standard
    deviations of the paired differences. What is left without the assumption of normal differences: :func:`can_reach`.
    """
    if n < 2:
        return (
            f"n = {n}: no interval, no test and no ranking; a difference between single runs cannot be told "
            "from the luck of the seed. Run at least 3 seeds."
        )
    tests = max(tests, 1)
    needed = stdtrit(n - 1, 1 - ALPHA / (2 * tests)) / np.sqrt(n)
    family = "1 test" if tests == 1 else f"{tests} tests"
    text = (
        f"n = {n} pairs: to survive Holm's correction over {family} at .05, the largest difference must exceed "
        f"{needed:.3g} standard deviations of the paired differences."
    )
    smallest, seeds = f"smallest p of the exact sign-flip test {2 / 2**n:.3g}", _seeds_needed(tests)
    if not can_reach(n):
        more = f", and {seeds} for {family}" if seeds > _seeds_needed(1) else ""
        text += (
            f" The test leans wholly on normal differences: without that assumption n = {n} cannot reach .05 "
            f"({smallest}; it needs {_seeds_needed(1)} seeds{more})."
        )
    elif not can_reach(n, tests):
        text += (
            f" Without the assumption of normal differences n = {n} can reach .05 in one test, but not after the "
            f"correction over {tests} ({smallest}; it needs {seeds} seeds)."
        )
    return text


def _seeds_needed(tests: int) -> int:
    n = 2
    while not can_reach(n, tests):
        n += 1
    return n


def sampling_error(accuracy: npt.ArrayLike, images: npt.ArrayLike) -> pd.DataFrame:
    """How far the accuracy of one trained network, on finitely many test images, may be from that on all such images.

    Two spreads, two questions. The interval over seeds (:func:`summarize`): how would the mean move if the networks
    were trained again with other seeds and measured on *these* images? This one: how would *this* network's accuracy
    move on other test images of the same kind? Neither holds the other, and more seeds do not shrink this one. A paired
    comparison on the same images cancels most of it, since images that are hard for one network are hard for the other:
    differences are judged by :func:`paired_differences`, not by whether these intervals overlap.

    standard_error = sqrt(a (1 - a) / N). Interval: Wilson 1927, (a + z^2 / 2N -+ z sqrt(a (1 - a) / N + z^2 / 4N^2)) /
    (1 + z^2 / N), which stays in [0, 1] and does not vanish at a = 0 or 1, as the plain one does. It is for a share of
    independent images: not for means over corruptions of the same images, or over seeds.

    Args:
        accuracy: share of images in [0, 1], missing allowed; any length.
        images: number of test images; one for all or one each.

    Returns:
        One row for each accuracy, in order: standard_error, half_width (half of high - low), low, high; fractions.

    Raises:
        AnalysisError: an accuracy outside [0, 1], or fewer than one image.
    """
    a, total = np.broadcast_arrays(np.atleast_1d(np.asarray(accuracy, float)), np.asarray(images, float))
    if (wrong := a[(a < 0) | (a > 1)]).size:
        raise AnalysisError(
            f"accuracy {wrong[0]:g} has no sampling error: a fraction of the images, 0 to 1, is needed."
        )
    if (wrong := total[total < 1]).size:
        raise AnalysisError(f"an accuracy on {wrong[0]:g} images has no sampling error: at least 1 image is needed.")
    z = ndtri((1 + CONFIDENCE) / 2)
    variance = a * (1 - a) / total
    centre = (a + z**2 / (2 * total)) / (1 + z**2 / total)
    half_width = z * np.sqrt(variance + z**2 / (4 * total**2)) / (1 + z**2 / total)
    columns = {"standard_error": np.sqrt(variance), "half_width": half_width}
    # At a = 0 and 1 an end is 0 or 1 but for rounding.
    return pd.DataFrame(
        columns | {"low": np.maximum(centre - half_width, 0), "high": np.minimum(centre + half_width, 1)}
    )


def null_position(value: npt.ArrayLike, draws: npt.ArrayLike) -> Floats:
    """Where values stand in their null distributions: two-sided p, the share of null draws at or beyond the value.

    p = min(1, 2 (beyond + ties / 2 + 1) / (B + 1)), with B the number of draws and beyond the smaller of the numbers of
    draws above and below the value. Draws equal to the value count half on each side; the value counts as one draw more
    (Phipson and Smyth 2010), so p is never 0 and a value from the null has p <= x in at most a share x of cases. The
    smallest p is 2 / (B + 1): 20 draws cannot show .05, 39 can.

    The null is that of one value, so give the SSR of one seed. The mean over seeds moves less than single draws do; its
    position is cautious. Runs of one model may have recorded the same draws: their positions are then not independent,
    and pooling draws over runs adds nothing but repetitions, to be dropped first.

    Args:
        value: shape (...).
        draws: shape (..., B), broadcast against ``value``; missing ones do not count (pad with them where B differs).

    Returns:
        p in (0, 1], in the shape of the two broadcast; missing where the value or every draw is.
    """
    at = np.asarray(value, dtype=float)[..., None]
    null = np.asarray(draws, dtype=float)
    count = np.broadcast_to((~np.isnan(null)).sum(axis=-1), np.broadcast_shapes(at.shape[:-1], null.shape[:-1]))
    beyond = np.minimum((null > at).sum(axis=-1), (null < at).sum(axis=-1))
    p = np.minimum(1.0, 2 * (beyond + (null == at).sum(axis=-1) / 2 + 1) / (count + 1))
    return np.where((count > 0) & ~np.isnan(at[..., 0]), p, np.nan)


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
    return mean, _paired_t(mean, sd, n.astype(float), np.maximum(largest[first], largest[second]))
