"""What a plot declares of itself, so that its file alone adds it: ``PLOT = Plot(...)``.

``analysis/plot/x.py`` draws the plot called ``x``: a function from computed frames to matplotlib figures, and the
declaration of which frames it is given. :mod:`analysis.figures` finds it by its file. A new plot is one file and
``tests/analysis/test_plot_x.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from analysis.load import Records

Frame = Callable[[Records], pd.DataFrame]


class Scope(Enum):
    """Whose rows a plot is given."""

    DRAWN = "the configurations of one context, at most as many as an eye tells apart"
    CONTEXT = "every configuration of one context"
    RECORDS = "everything, all contexts at once"


@dataclass(frozen=True)
class Moving:
    """A figure that changes over training.

    Attributes:
        figure: as it stands after the last step; a still picture is made of that.
        steps: the epochs shown, in order.
        show: redraws the figure for one of the steps.
    """

    figure: Figure
    steps: Sequence[int]
    show: Callable[[int], None]


Drawn = Mapping[str, Figure | Moving]
"""Figures by what tells them apart in words ("first layer"); "" where there is one only."""


@dataclass(frozen=True)
class Plot:
    """A plot's declaration.

    Attributes:
        title: in words; what tells several figures apart is added to it.
        caption: what lines, bands and grey mean, and the definition of what is drawn. n is added to it.
        frames: functions of the records, ``functools.partial`` where they take more. A plot whose first frame has no
            row is left out, unless it was asked for by name.
        draw: makes the figures of the frames, given in that order.
        scope: whose rows the frames hold.
        moves: whether it draws :class:`Moving` figures.
    """

    title: str
    caption: str
    frames: Sequence[Frame]
    draw: Callable[..., Drawn]
    scope: Scope = Scope.DRAWN
    moves: bool = False


def source(frame: Frame) -> str:
    """A frame function as it is called: ``analysis.frames.ssr.null_distribution(records, layers=())``."""
    function, arguments = (frame.func, frame.keywords) if isinstance(frame, partial) else (frame, {})
    given = ["records", *(f"{name}={value!r}" for name, value in arguments.items())]
    return f"{function.__module__}.{getattr(function, '__qualname__', '')}({', '.join(given)})"
