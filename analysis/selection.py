"""Which configurations a figure draws when there are more than an eye can tell apart."""

from __future__ import annotations

from analysis.configuration import unregularized
from analysis.load import Records

MOST = 12
"""Colours and markers tell about this many lines apart."""


def drawn(records: Records, most: int = MOST) -> tuple[Records, str]:
    """The configurations that figures of lines and panels draw: all, or ``most`` of them, never chosen by outcome.

    Those without a complete run have nothing to draw. Of too many, configurations without regularization come first,
    then as many others as there is room for, evenly spaced in display order (by regularizer and strength).

    Returns:
        The narrowed records, and a sentence that says which share is drawn; empty if it is all of them.
    """
    table = records.configurations.table
    complete = table[table["complete"] > 0]
    if len(complete) <= most:
        return records, ""
    choices = records.configurations.choices
    plain = complete[[unregularized(choices.loc[label]) for label in complete["configuration"]]]
    others = complete[~complete["configuration"].isin(plain["configuration"])]
    baseline = plain["configuration"].tolist()[: max(1, most // 4)]
    room = most - len(baseline)
    places = sorted({round(i * (len(others) - 1) / max(room - 1, 1)) for i in range(room)}) if len(others) else []
    chosen = {*baseline, *others["configuration"].iloc[places]}
    sentence = (
        f"{len(chosen)} of {len(complete)} configurations are drawn, evenly spaced in the table's order and not chosen "
        "by outcome; the tables hold all. Draw others with --where KEY=VALUE."
    )
    return records.narrowed([label for label in table["configuration"] if label in chosen]), sentence
