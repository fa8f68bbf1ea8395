"""Published constants: lists with one value a severity, and lengths that belong to one image size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def check_one_value_each(corruption: str, lists: dict[str, Sequence[Any]]) -> None:
    """Check that the named lists of a corruption hold finite numbers and have one length, that of the first.

    Raises:
        ValueError: a list is shorter or longer than the first, or has an infinite value or NaN.
    """
    for name, values in lists.items():
        if not all(map(math.isfinite, values)):
            raise ValueError(f"corruption.{corruption}.{name}={list(values)}: give finite numbers")
    first, *others = lists
    for name in others:
        if len(lists[name]) != len(lists[first]):
            raise ValueError(
                f"corruption.{corruption}.{name}={list(lists[name])}: {len(lists[name])} values for the "
                f"{len(lists[first])} of {first}; give one value a severity"
            )


def length_scale(side: int, relative_to: float | None) -> float:
    """By how much published lengths grow: side / relative_to, or 1 where lengths are pixels of the given image."""
    return 1.0 if relative_to is None else side / relative_to
