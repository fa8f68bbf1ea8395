"""The residual in the slow and the fast half of a kernel's eigenvectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.frames.label_noise import dip_time
from analysis.frames.label_noise import kernel_residual as frame
from analysis.plot.kernel_residual import PLOT, kernel_residual
from tests.analysis.noisy import NOISES, noisy


def test_halves_are_weighted_by_their_eigenvectors(tmp_path: Path) -> None:
    records = noisy(tmp_path, seeds=(0,))
    figure = kernel_residual(frame(records), dip_time(records))
    assert len(figure.axes) == len(NOISES)
    for number, ax in enumerate(figure.axes):
        slow, fast, dip = ax.lines
        # Two bands of one eigenvector; one of one beside one of three.
        assert slow.get_ydata() == pytest.approx(np.sqrt((3**2 + 4**2) / 2) / np.array([1, 2, 3]))
        assert fast.get_ydata() == pytest.approx([np.sqrt(((1 + number) ** 2 + 3 * 2**2) / 4)] * 3)
        assert dip.get_xdata() == [10, 10]
        assert ax.get_yscale() == "log"
    assert [ax.get_title() for ax in figure.axes] == [
        "noise=radial · noise_frequency=0.2",
        "noise=radial · noise_frequency=1",
        "noise=white · noise_frequency=1",
    ]


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    records = noisy(tmp_path, seeds=(0,))
    figure = PLOT.draw(frame(records).iloc[:0], dip_time(records))[""]
    assert isinstance(figure, Figure)
    assert "kernel_residual" in figure.texts[0].get_text()
