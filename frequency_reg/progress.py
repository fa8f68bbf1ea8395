"""What a person sees while a run trains: a bar with the time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from tqdm import tqdm

Style = Literal["auto", "bar", "lines", "none"]

_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts images of a run's epochs and shows how many are left.

    Args:
        style: ``auto`` is a bar in a terminal and lines elsewhere.
        epochs: epochs of the run, of ``images`` each.
        done_epochs: epochs that were finished before this call.
        report: told finished epochs, all epochs and the share of the images that is done, after every batch.
    """

    def __init__(
        self,
        style: Style,
        *,
        epochs: int,
        images: int,
        done_epochs: int = 0,
        report: Callable[..., None] = lambda **_: None,
    ) -> None:
        if style == "auto":
            style = "bar" if sys.stderr.isatty() else "lines"
        self._style = style
        self._report = report
        self._epochs, self._finished = epochs, done_epochs
        self._images, self._all_images = done_epochs * images, epochs * images
        self._started = self._last_line = time.monotonic()
        self._first = done_epochs
        self._bar = _bar(epochs * images, done_epochs * images) if style == "bar" else None
        self._tell()

    def batch(self, images: int) -> None:
        """``images`` more were trained on."""
        if self._bar is not None:
            self._bar.update(images)
        self._images += images
        self._tell()

    def epoch(self, epoch: int, train: str, validation: str) -> None:
        """Epoch ``epoch`` is finished, with what there is to say of the training and the validation examples."""
        self._finished = epoch
        self._tell()
        if self._bar is not None:
            self._bar.set_postfix_str(f"validation {validation}")
        now = time.monotonic()
        if self._style == "lines" and (now - self._last_line > _SECONDS_BETWEEN_LINES):
            self._last_line = now
            left = (now - self._started) / (epoch - self._first) * (self._epochs - epoch)
            print(
                f"  epoch {epoch}/{self._epochs}  train {train}  validation {validation}  {duration(left)} left",
                file=sys.stderr,
                flush=True,
            )

    def _tell(self) -> None:
        self._report(epoch=self._finished, epochs=self._epochs, fraction=self._images / self._all_images)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _bar(images: int, done: int) -> tqdm[Any]:
    """Made only where it is shown: tqdm takes a semaphore of the system, which a killed process would leave behind."""
    return tqdm(
        total=images,
        initial=done,
        unit=" images",
        unit_scale=True,
        ncols=80,
        leave=False,
        bar_format="{l_bar}{bar}| {remaining} left, {rate_fmt}{postfix}",
    )


def shown(accuracy: float | None, loss: float) -> str:
    """An accuracy in per cent; where there is none, the loss."""
    return f"loss {loss:.3g}" if accuracy is None else f"{accuracy:.1%}"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
