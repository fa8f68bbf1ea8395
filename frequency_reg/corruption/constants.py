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


def check_sizes(corruption: str, size: Sequence[int], relative_to: int | None) -> None:
    """Check that published sizes are smaller than the side that they belong to.

    Raises:
        ValueError: one is not.
    """
    if relative_to is not None and max(size) >= relative_to:
        key = f"corruption.{corruption}"
        raise ValueError(f"{key}.size={size}: sizes must be smaller than {key}.relative_to={relative_to}")


def scaled_size(corruption: str, nominal: int, side: int, relative_to: int | None) -> int:
    """Pixels of a side of ``side`` that is brought down to ``nominal`` pixels of ``relative_to``.

    floor(nominal side / relative_to + 1/2), at least 1 and at most side - 1; half up and not Python's half to even, so
    that the scaled sizes keep the order of the nominal ones. ``nominal`` itself where ``relative_to`` is None.

    Raises:
        ValueError: a ``nominal`` that is not smaller than ``side``, with ``relative_to`` None.
    """
    if relative_to is not None:
        return max(1, min((2 * nominal * side + relative_to) // (2 * relative_to), side - 1))
    if nominal >= side:
        key = f"corruption.{corruption}"
        raise ValueError(
            f"{key}.size={nominal}: the images have only {side} pixels; choose smaller sizes, or set {key}.relative_to "
            "to the side that the sizes belong to"
        )
    return nominal


def length_scale(side: int, relative_to: float | None) -> float:
    """By how much published lengths grow: side / relative_to, or 1 where lengths are pixels of the given image."""
    return 1.0 if relative_to is None else side / relative_to
