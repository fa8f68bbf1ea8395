"""What a person sees while a sweep runs: bars with the time left in a terminal, a line now and then in a log.

Everything goes to stderr, so that stdout is left to answers.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from frequency_reg.progress import duration
from sweeps.time_left import seconds_left

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from frequency_reg.presence import Sign
    from sweeps.engine import Display, Running, Snapshot

Style = Literal["auto", "bar", "lines", "none"]

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_FRAMES = 0.25
_WIDEST = 100
"""Columns that the bars take at most: beyond, the eye loses the row."""

_SHORTEST_BAR = 5
_SHORTEST_NAME = 16
_GAP = "  "
_LONGEST_TIME = len("10 h 59 min left")
_CLIPPED = "..."


def make(style: Style) -> Display:
    """The display of ``style``.

    Args:
        style: ``bar``: bars that move, in a terminal; ``lines``: every line, and a summary now and then; ``none``: the
            lines of ended runs and nothing else; ``auto``: ``bar`` if stderr is a terminal and ``lines`` elsewhere.
    """
    if style == "auto":
        style = "bar" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "lines"
    if style == "bar":
        from rich.console import Console

        return Bars(Console(stderr=True, highlight=False))
    return Lines(sys.stderr, seconds_between=_SECONDS_BETWEEN_LINES if style == "lines" else None)


def clip(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, clipped nearer to its beginning: a run's name ends with what tells it."""
    if len(text) <= width:
        return text
    kept = max(width - len(_CLIPPED), 0)
    head = kept // 4
    return (text[:head] + _CLIPPED + text[len(text) - (kept - head) :])[:width]


def time_left(snapshot: Snapshot) -> str:
    """``3 min 5 s left``, or that it is not known yet."""
    seconds = seconds_left(
        ended=snapshot.run_seconds,
        running=[(run.sign, run.seconds) for run in snapshot.running],
        waiting=snapshot.waiting,
        capacity=snapshot.capacity,
        now=time.time(),
    )
    return "time left unknown yet" if seconds is None else f"{duration(seconds)} left"


def summary(snapshot: Snapshot) -> str:
    """``12/100 runs: 10 complete, 2 failed; 2 running; 3 min 5 s left``."""
    ended = f"{sum(snapshot.counts.values())}/{snapshot.total} runs"
    counts = ", ".join(f"{n} {status}" for status, n in snapshot.counts.items() if n)
    running = f"{len(snapshot.running)} running"
    return "; ".join([f"{ended}: {counts}" if counts else ended, running, time_left(snapshot)])


class Lines:
    """Lines only, for a log: every given line at once, a summary every ``seconds_between`` (None: never)."""

    def __init__(
        self, sink: TextIO, *, seconds_between: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink, self._seconds_between, self._clock = sink, seconds_between, clock
        self._last = clock()

    def line(self, text: str) -> None:
        """Print ``text``."""
        print(text, file=self._sink, flush=True)

    def update(self, snapshot: Snapshot) -> None:
        """Print a summary if one is due."""
        if self._seconds_between is not None and self._clock() - self._last >= self._seconds_between:
            self._last = self._clock()
            self.line(summary(snapshot))

    def close(self) -> None:
        """Nothing moves."""


class Bars:
    """A bar for the sweep and one for each run under way, at the bottom of a terminal; lines stay above them.

    Drawn from :meth:`update` alone, at most four times a second: no thread, which a process that starts others could
    trip over.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.live import Live

        self._console, self._clock = console, clock
        # What is printed meanwhile stays above the bars too, but stdout that goes into a file is left alone.
        self._live = Live(console=console, transient=True, auto_refresh=False, redirect_stdout=sys.stdout.isatty())
        self._drawn = float("-inf")

    def line(self, text: str) -> None:
        """Print ``text`` above the bars, where it stays; a terminal narrower than it breaks it, nothing is cut off."""
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True)

    def update(self, snapshot: Snapshot) -> None:
        """Draw the bars, unless they were drawn a moment ago."""
        if self._clock() - self._drawn < _SECONDS_BETWEEN_FRAMES:
            return
        self._drawn = self._clock()
        self._live.start()
        width, height = self._console.size
        self._live.update(frame(snapshot, width=width, height=height), refresh=True)

    def close(self) -> None:
        """Remove the bars and show the cursor."""
        self._live.stop()


# --- drawing ---------------------------------------------------------------------------------------------------------


def frame(snapshot: Snapshot, *, width: int, height: int) -> RenderableType:
    """The bars as rows that fit a terminal of ``width`` columns and ``height`` rows."""
    from rich.console import Group
    from rich.text import Text

    width = max(min(width - 1, _WIDEST), 1)  # some terminals break the line at the last column
    room = max(height - 3, 0)  # the sweep's own row, and the line above and the cursor's row stay free
    shown = snapshot.running if len(snapshot.running) <= room else snapshot.running[: max(room - 1, 0)]
    rows = [_sweep_row(snapshot, width), *_running_rows(shown, width)]
    if len(shown) < len(snapshot.running):
        rows.append(Text(f"  +{len(snapshot.running) - len(shown)} more"[:width], style="dim"))
    return Group(*rows)


def _sweep_row(snapshot: Snapshot, width: int) -> RenderableType:
    ended = sum(snapshot.counts.values())
    begun = sum(run.sign.fraction for run in snapshot.running if run.sign is not None)
    counts = " ".join(f"{'done' if s == 'complete' else s} {n}" for s, n in snapshot.counts.items() if n)
    label, time_text = f"{ended}/{snapshot.total} runs", time_left(snapshot).rjust(_LONGEST_TIME)
    if counts and len(label) + len(counts) + len(time_text) + 2 * len(_GAP) <= width:
        label += _GAP + counts
    return _row(label, (ended + begun) / max(snapshot.total, 1), time_text, width, style="bold")


def _running_rows(runs: Sequence[Running], width: int) -> Iterator[RenderableType]:
    """A row each; names, bars and numbers stand below one another."""
    labels = _short_names([run.name for run in runs])
    wide = max((len(f"{run.sign.epoch}/{run.sign.epochs}") for run in runs if run.sign is not None), default=0)
    room = width - len(_numbers(None, wide)) - 3 * len(_GAP)
    with_bar = room - max(width // 8, _SHORTEST_BAR)
    longest = min(max(map(len, labels), default=0), with_bar if with_bar >= _SHORTEST_NAME else max(room, 0))
    for run, label in zip(runs, labels, strict=True):
        share = 0.0 if run.sign is None else run.sign.fraction
        yield _row(f"{_GAP}{clip(label, longest):{longest}}", share, _numbers(run.sign, wide), width)


def _short_names(names: Sequence[str]) -> list[str]:
    """Names without the digits of the identity at their end, where they differ without."""
    short = [re.sub(r"-[0-9a-f]{8}$", "", name) for name in names]
    return short if len(set(short)) == len(short) else list(names)


def _numbers(sign: Sign | None, wide: int) -> str:
    """Epoch, share and time left, as wide for every run."""
    if sign is None or sign.epochs == 0:
        return _GAP.join([" " * wide, " " * 4, f"{'starting':>11}"])
    seconds = sign.seconds_left(time.time())
    left = "evaluating" if sign.fraction >= 1 else "" if seconds is None else duration(seconds)
    return _GAP.join([f"{f'{sign.epoch}/{sign.epochs}':>{wide}}", f"{sign.fraction:4.0%}", f"{left:>11}"])


def _row(label: str, share: float, numbers: str, width: int, *, style: str = "") -> RenderableType:
    """``label  ━━━━━━  numbers`` in exactly ``width`` columns; where that is too narrow, the bar goes first."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = width - len(label) - len(numbers) - 2 * len(_GAP)
    if bar < _SHORTEST_BAR:
        return Text(f"{label}{_GAP}{numbers}"[:width], style=style)
    row = Table.grid()
    for cell_width in (len(label), len(_GAP), bar, len(_GAP), len(numbers)):
        row.add_column(width=cell_width, no_wrap=True)
    done = ProgressBar(1.0, min(share, 1.0), width=bar, complete_style="cyan", finished_style="green")
    row.add_row(Text(label, style), _GAP, done, _GAP, Text(numbers, style))
    return row
