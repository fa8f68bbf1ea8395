"""Why configurations are not compared with a baseline, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.configuration import PREFIX, Configurations
from analysis.formatting import cut_in_the_middle, value_text

MOST = 3
"""Configurations that a sentence names."""
LONGEST = 60
"""Columns of a terminal that the name of one of them may take."""


def reasons(
    configurations: Configurations,
    baselines: Sequence[str],
    partner: Mapping[str, str],
    agreeing: Sequence[str],
    compared: Collection[str],
) -> list[str]:
    """A sentence for each reason, with the configurations that it keeps from being compared; empty if all are.

    Args:
        baselines: labels of the configurations that others are compared with.
        partner: the baseline of every configuration that has one.
        agreeing: the ``config.*`` columns in which a configuration and its baseline must agree.
        compared: labels of the configurations that were compared.
    """
    left = [str(c) for c in configurations.table["configuration"] if c not in baselines and c not in compared]
    if not left and not compared:
        return [f"Every configuration here is a baseline ({_listed(baselines)}): there is no other to compare with it."]
    alone = [label for label in left if label not in partner]
    found = _disagreeing(configurations, baselines, agreeing, alone)
    found |= {label: _pairless(configurations, label, partner[label]) for label in left if label in partner}
    return [
        f"{_listed([label for label in left if found[label] == reason])}: {reason}."
        for reason in dict.fromkeys(found[label] for label in left)
    ]


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST} more" if len(labels) > MOST else ""
    return "; ".join(cut_in_the_middle(value_text(label), LONGEST) for label in labels[:MOST]) + more


def _disagreeing(
    configurations: Configurations, baselines: Sequence[str], agreeing: Sequence[str], labels: Sequence[str]
) -> dict[str, str]:
    """For each label the keys in which it differs from the baseline that is nearest to it."""
    texts = configurations.choices[list(agreeing)].map(value_text)
    codes = pd.DataFrame({c: pd.factorize(texts[c])[0] for c in texts}, texts.index)
    known = codes.loc[list(baselines)].to_numpy()
    found = {}
    for label, code in zip(labels, codes.loc[list(labels)].to_numpy(), strict=True):
        unlike = known != code
        nearest = unlike[np.argmin(unlike.sum(axis=1))]
        keys = [value_text(c.removeprefix(PREFIX)) for c, differs in zip(agreeing, nearest, strict=True) if differs]
        found[label] = f"no baseline agrees in {' and '.join(keys)}"
    return found


def _pairless(configurations: Configurations, label: str, baseline: str) -> str:
    runs = configurations.runs
    done = runs[(runs["status"] == "complete") & runs["configuration"].isin([label, baseline])]
    own, other = (done[done["configuration"] == c] for c in (label, baseline))
    if own.empty:
        return "no complete run"
    if other.empty:
        return f"the baseline ({value_text(baseline)}) has no complete run"
    if (done["seed"] == "run " + done["run_id"].astype(str)).all():
        return "no seed is recorded, so that runs cannot be paired with those of the baseline"
    if not set(own["seed"]) & set(other["seed"]):
        return "no seed in common with the baseline"
    return "no pair of runs has a value of these metrics"
