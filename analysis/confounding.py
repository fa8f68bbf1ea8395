"""Comparisons whose two sides differ in more than their configuration: in what made the runs."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.load import Records

MADE_BY = {"precision": "arithmetic", "processor": "processor", "torch": "torch", "source_digest": "code"}
"""Provenance that may move a number, and what a sentence calls it."""
MOST = 3
"""Comparisons that a sentence names."""


def confounded(records: Records, pairs: Mapping[tuple[str, str], str]) -> list[str]:
    """A sentence for the pairs of which no run of one side shares arithmetic, processor, torch or code with the other.

    Runs whose records do not say are left out; several seeds made in several ways on both sides confound nothing that
    pairing by seed could tell.

    Args:
        pairs: labels of configurations, each with that of its baseline, and what a sentence calls the comparison.
    """
    runs = records.configurations.runs
    complete = records["run"].merge(runs[runs["status"] == "complete"][["run_id", "configuration"]], on="run_id")
    columns = [f"provenance.{name}" for name in MADE_BY if f"provenance.{name}" in complete]
    made = {
        str(label): {column: set(rows[column].dropna()) for column in columns}
        for label, rows in complete.groupby("configuration")
    }
    unlike: dict[str, list[str]] = {}
    for (one, other), called in pairs.items():
        ours, theirs = made.get(one, {}), made.get(other, {})
        apart = [c for c in ours if theirs.get(c) and ours[c] and ours[c].isdisjoint(theirs[c])]
        if apart:
            words = " and ".join(MADE_BY[c.removeprefix("provenance.")] for c in apart)
            unlike.setdefault(words, []).append(called)
    return [
        f"Caution: the runs of the two sides were made with different {words} as well, so that the difference is not "
        f"the configuration's alone: {'; '.join(named[:MOST])}{_more(len(named) - MOST)}."
        for words, named in unlike.items()
    ]


def _more(count: int) -> str:
    return f"; and {count} more" if count > 0 else ""
