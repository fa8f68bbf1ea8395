"""The fit as a film."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis import animation
from analysis.frames.function import function_fit as frame
from analysis.plot.base import Moving
from analysis.plot.fit_motion import PLOT, fit_motion
from tests.analysis.fitted import fitted

SINE = np.sin(2 * np.pi * np.arange(8) / 8)


def test_each_step_shows_its_state(tmp_path: Path) -> None:
    moving = fit_motion(frame(fitted(tmp_path)))
    assert isinstance(moving, Moving)
    assert list(moving.steps) == [0, 3]
    none, halved = (ax.lines[1] for ax in moving.figure.axes)
    for epoch, share in ((0, 0.0), (3, 1.0)):
        moving.show(epoch)
        assert none.get_ydata() == pytest.approx(share * SINE + 0.01)
        assert halved.get_ydata() == pytest.approx(share * SINE / 2 + 0.01)
        assert moving.figure.get_suptitle() == f"iteration {10 * epoch}"


def test_a_state_that_a_configuration_lacks_is_empty(tmp_path: Path) -> None:
    rows = frame(fitted(tmp_path))
    moving = fit_motion(rows[(rows["label"] != "none") | (rows["epoch"] == 0)])
    assert isinstance(moving, Moving)
    moving.show(3)
    assert np.size(moving.figure.axes[0].lines[1].get_ydata()) == 0


def test_the_film_has_a_picture_a_state(tmp_path: Path) -> None:
    moving = fit_motion(frame(fitted(tmp_path)))
    assert isinstance(moving, Moving)
    assert getattr(Image.open(io.BytesIO(animation.gif(moving))), "n_frames", 1) == 2


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    empty = frame(fitted(tmp_path)).iloc[:0]
    figure = PLOT.draw(empty)[""]
    assert isinstance(figure, Figure)
    assert "function_spectrum" in figure.texts[0].get_text()
