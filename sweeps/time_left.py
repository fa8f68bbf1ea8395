"""How long a sweep still takes, from what it has done so far."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from frequency_reg.presence import Sign

Underway = tuple[Sign | None, float]
"""A run that is being done: what its process says of itself, if it does already, and its seconds so far."""


def seconds_left(
    *, ended: Sequence[float], running: Iterable[Underway], waiting: int, capacity: int, now: float
) -> float | None:
    """Seconds until the last run ends; None before anything is known of the length of a run.

    With m the mean length of a run, a running one needs what its own speed says (:meth:`Sign.seconds_left`), or m minus
    its seconds so far, at least 0, before it has a speed. The waiting ones need m each and start one after another,
    each where a run ends first; the answer is the end of the last. m is the mean of ``ended``; before a run has ended,
    the mean of the running ones' lengths at their own speed.

    Args:
        ended: wall seconds of the runs that ended.
        running: the runs that are being done.
        waiting: runs that nobody has begun.
        capacity: runs that are done at one time.
        now: seconds since 1970.
    """
    running = list(running)
    length = _mean(ended) if ended else _mean([whole for sign, _ in running if (whole := _length(sign, now))])
    busy = [_needed(sign, seconds, length, now) for sign, seconds in running]
    known = [seconds for seconds in busy if seconds is not None]
    if len(known) < len(busy) or (waiting and length is None):
        return None
    places = known + [0.0] * (capacity - len(known)) or [0.0]
    heapq.heapify(places)
    for _ in range(waiting):
        heapq.heapreplace(places, places[0] + (length or 0.0))
    return max(places)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _length(sign: Sign | None, now: float) -> float | None:
    """Seconds that the whole run takes at its speed so far."""
    done = 0.0 if sign is None else sign.fraction - sign.first_fraction
    return None if sign is None or done <= 0 else (now - sign.started) / done


def _needed(sign: Sign | None, seconds: float, length: float | None, now: float) -> float | None:
    own = None if sign is None else sign.seconds_left(now)
    if own is not None or length is None:
        return own
    return max(length - seconds, 0.0)
