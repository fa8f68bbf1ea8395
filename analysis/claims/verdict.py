"""What may be said of a claim: a verdict for each definition by one rule, and sentences over all of them.

The rule. *Supported*: the difference has the sign that the claim says, and p after Holm's correction over all tests of
the claim in its setting is below .05. *Contradicted*: the same with the other sign. *Cannot tell*: everything else,
n = 1 included; where the difference's own 95% interval leaves out 0 it *leans* for or against the claim, a hint which
chance alone gives in one of twenty definitions. A verdict speaks of the setting of the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.formatting import number_text, with_sign
from analysis.statistics import ALPHA

SUPPORTED, CONTRADICTED, OPEN = "supported", "contradicted", "cannot tell"
FOR, AGAINST, SINGLE = "cannot tell, leans for", "cannot tell, leans against", "cannot tell (n = 1)"
RISES, FALLS = "rises with depth", "falls with depth"
MOST = 12
"""Definitions that a sentence names; more are counted, the table has them."""


def verdicts(frame: pd.DataFrame) -> pd.Series:
    """The verdict of every test.

    Args:
        frame: sign (of the claim; 0 where it says nothing), mean, low, high, n, p_holm.
    """
    side = np.sign(frame["mean"]) * frame["sign"]
    out = (frame["low"] > 0) | (frame["high"] < 0)
    sure = frame["p_holm"] < ALPHA
    nothing, rises = frame["sign"] == 0, frame["mean"] > 0
    rules = [
        (frame["n"] < 2, SINGLE),
        (nothing & sure & rises, RISES),
        (nothing & sure & ~rises, FALLS),
        (nothing, OPEN),
        (sure & (side > 0), SUPPORTED),
        (sure & (side < 0), CONTRADICTED),
        (out & (side > 0), FOR),
        (out & (side < 0), AGAINST),
    ]
    conditions, words = zip(*rules, strict=True)
    return pd.Series(np.select([np.asarray(c, bool) for c in conditions], words, OPEN), frame.index, dtype="str")


def counts(frame: pd.DataFrame) -> tuple[int, int, int]:
    """How many verdicts support, contradict, and cannot tell; those on which the claim says nothing are left out."""
    said = frame.loc[frame["sign"] != 0, "verdict"]
    supported, contradicted = int((said == SUPPORTED).sum()), int((said == CONTRADICTED).sum())
    return supported, contradicted, len(said) - supported - contradicted


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a definition for a claim that needs every comparison: the worst verdict stands."""
    worst = [CONTRADICTED, SINGLE, AGAINST, OPEN, FOR, SUPPORTED]
    rows = []
    for definition, group in frame.groupby("definition", sort=False):
        found = next(verdict for verdict in worst if (group["verdict"] == verdict).any())
        rows.append(
            (definition, found, group["claimed"].iloc[0], group["sign"].iloc[0], bool(group["can_reach"].all()))
        )
    return pd.DataFrame(rows, columns=["name", "verdict", "claimed", "sign", "can_reach"])


def synthesis(frame: pd.DataFrame, setting: str) -> str:
    """One sentence: under which definitions the claim survives, under which it fails, under which nobody can tell.

    Args:
        frame: name (of the definition), verdict, sign, can_reach.
        setting: in words.
    """
    said = frame[frame["sign"] != 0]
    kinds = (SUPPORTED, CONTRADICTED, FOR, AGAINST)
    named = {kind: said.loc[said["verdict"] == kind, "name"].tolist() for kind in kinds}
    total, sure = len(said), said[said["verdict"].isin([SUPPORTED, CONTRADICTED])]
    leaning = [
        f"{len(named[verdict])} lean{'s' * (len(named[verdict]) == 1)} {word}{listed(named[verdict])}"
        for verdict, word in ((FOR, "for it"), (AGAINST, "against it"))
        if named[verdict]
    ]
    lean = f"; of these {' and '.join(leaning)}" if leaning else ""
    if sure.empty:
        return f"In this setting ({setting}) it cannot be told under any of {_definitions(total)}{lean}."
    parts = [
        f"{word} under {len(named[verdict]) or 'none'}{listed(named[verdict])}"
        for verdict, word in ((SUPPORTED, "the claim survives"), (CONTRADICTED, "it fails"))
    ]
    rest = total - len(sure)
    parts += [f"it cannot be told under {rest}{lean}"] if rest else []
    normal = "" if sure["can_reach"].all() else " What survives or fails does so only if differences are normal."
    return f"In this setting ({setting}), of {_definitions(total)}, {'; '.join(parts)}.{normal}"


def _definitions(number: int) -> str:
    return "1 definition" if number == 1 else f"{number} definitions"


def listed(names: Sequence[str]) -> str:
    """`` (a, b)``; nothing where they are too many for a sentence."""
    return f" ({grouped(names)})" if 0 < len(names) <= MOST else ""


def grouped(names: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Names in one breath, what several begin with said once: ``accuracy resize 24, 20, clean accuracy``.

    Args:
        notes: what stands behind each name.
    """
    groups: dict[str, list[str]] = {}
    for name, note in zip(names, notes or [""] * len(names), strict=True):
        head, _, tail = name.rpartition(" ")
        groups.setdefault(head, []).append(f"{tail} {note}".strip())
    return ", ".join(f"{head} {', '.join(tails)}".strip() for head, tails in groups.items())


def own_counts(frame: pd.DataFrame, more_than: float | None) -> pd.Series:
    """For each published number whether it bears the claim out: ``bears``, ``short`` (of the size) or ``opposite``."""
    told = frame[frame["published"].notna() & (frame["sign"] != 0)]
    amount = told["published"] * told["sign"]
    sized = told["definition"].str.startswith("accuracy/") & (more_than is not None)
    size = np.where(sized, more_than or 0.0, 0.0)
    return pd.Series(np.select([amount <= 0, amount <= size], ["opposite", "short"], "bears"), told.index, dtype="str")


def own_data(frame: pd.DataFrame, more_than: float | None, runs: str) -> Iterator[str]:
    """What the published numbers themselves say, definition by definition; nothing where there are none.

    Args:
        frame: name, definition, sign, claimed, unit, published.
        more_than: size that the claim names for accuracies (fraction).
        runs: what the numbers are of.
    """
    places = own_counts(frame, more_than)
    if places.empty:
        return
    told = frame.loc[places.index]
    notes = [f"({with_sign(number_text(v, u))})" for v, u in zip(told["published"], told["unit"], strict=True)]
    words = {
        "bears": "bear it out under",
        "short": f"fall short of its {100 * (more_than or 0):g} points under",
        "opposite": "have the opposite sign under",
    }
    parts = []
    for place, text in words.items():
        chosen = [i for i, found in enumerate(places) if found == place]
        if chosen:
            names = told["name"].iloc[chosen].tolist()
            parts.append(f"{text} {grouped(names, [notes[i] for i in chosen])}")
    against = (places == "opposite") | ((places == "short") & told["claimed"])
    number = int(against.sum())
    end = f": under {number} of {len(told)} the claim is contradicted by its own data" if number else ""
    yield f"The published numbers ({runs}) {'; '.join(parts)}{end}."


def size_sentence(frame: pd.DataFrame, more_than: float | None) -> Iterator[str]:
    """Where the 95% intervals of accuracies stand beside the size that the claim names (not corrected)."""
    some = frame[frame["definition"].str.startswith("accuracy/") & frame["low"].notna()]
    if more_than is None or some.empty:
        return
    low, high = (some[["low", "high"]].mul(some["sign"], axis=0)).agg(["min", "max"], axis=1).T.to_numpy()
    words = (
        ("wholly above it under", low > more_than),
        ("wholly below it under", high < more_than),
        ("on both sides of it under", (low <= more_than) & (high >= more_than)),
    )
    parts = [f"{text} {grouped(some.loc[chosen, 'name'].tolist()) or 'none'}" for text, chosen in words]
    yield f"The size, more than {100 * more_than:g} points: our 95% intervals (uncorrected) lie {'; '.join(parts)}."


def size_counts(frame: pd.DataFrame, more_than: float | None) -> str:
    """How many intervals under the published definitions lie above the claim's size, and how many below it."""
    some = frame[frame["claimed"] & frame["definition"].str.startswith("accuracy/") & frame["low"].notna()]
    if more_than is None or some.empty:
        return ""
    low, high = (some[["low", "high"]].mul(some["sign"], axis=0)).agg(["min", "max"], axis=1).T.to_numpy()
    above, below = int((low > more_than).sum()), int((high < more_than).sum())
    return f"; > {100 * more_than:g} pp: above in {above}, below in {below} of {len(some)}"
