"""Many tests at once: Holm's correction, and what n seeds can show in a family of tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from analysis.statistics import ALPHA, Bools


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


def can_reach(n: npt.ArrayLike, tests: int = 1) -> Bools:
    """Whether n pairs can reach .05 in a family of ``tests`` tests if differences are only taken to be symmetric.

    The exact sign-flip test's smallest two-sided p is 2 / 2^n, all differences having one sign; Holm's first step asks
    for tests * 2 / 2^n <= .05. So n = 3, 4 and 5 cannot, and 6 can in a single test.
    """
    return np.asarray(max(tests, 1) * 2.0 ** (1 - np.asarray(n, dtype=float)) <= ALPHA)


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
