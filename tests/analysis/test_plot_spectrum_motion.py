"""Spectrum of every layer, epoch by epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.frames.spectrum import spectrum_evolution
from analysis.plot.base import Moving
from analysis.plot.spectrum_motion import MOST, PLOT, spectrum_motion


@pytest.fixture(scope="module")
def frame(sweep: Path) -> pd.DataFrame:
    return spectrum_evolution(analysis.load(sweep), layers=())


def drawn(moving: Moving) -> np.ndarray:
    """Of the first panel: (layers, radii)."""
    return np.asarray(moving.figure.axes[1].collections[0].get_array()).reshape(3, 3)


def test_each_step_shows_its_epoch_on_one_scale(frame: pd.DataFrame) -> None:
    moving = spectrum_motion(frame)
    assert isinstance(moving, Moving)
    assert list(moving.steps) == [0, 1, 2, 3]
    strip = moving.figure.axes[0]
    scale = moving.figure.axes[1].collections[0].norm
    bounds = (scale.vmin, scale.vmax)
    none = frame[frame["label"] == "none"]
    for epoch in (3, 0, 2):
        moving.show(epoch)
        naive = none[none["epoch"] == epoch].sort_values(["depth", "radius"])["mean"]
        assert drawn(moving) == pytest.approx(np.log2(naive.to_numpy()).reshape(3, 3))
        assert strip.get_title(loc="left") == f"epoch {epoch} of 3"
    assert (scale.vmin, scale.vmax) == bounds
    assert max(abs(np.log2(frame["mean"]))) == pytest.approx(bounds[1])


def test_a_state_that_a_configuration_lacks_is_empty(frame: pd.DataFrame) -> None:
    moving = spectrum_motion(frame[(frame["label"] != "none") | (frame["epoch"] < 3)])
    assert isinstance(moving, Moving)
    moving.show(3)
    assert np.isnan(drawn(moving)).all()


def test_many_epochs_are_thinned_evenly(frame: pd.DataFrame) -> None:
    one = frame[(frame["label"] == "none") & (frame["epoch"] == 1)]
    moving = spectrum_motion(pd.concat([one.assign(epoch=epoch) for epoch in range(201)], ignore_index=True))
    assert isinstance(moving, Moving)
    assert len(moving.steps) == MOST
    assert (moving.steps[0], moving.steps[-1]) == (0, 200)
    assert {b - a for a, b in zip(moving.steps, moving.steps[1:], strict=False)} == {3, 4}


def test_an_empty_frame_says_why(frame: pd.DataFrame) -> None:
    empty = PLOT.draw(frame.iloc[:0])[""]
    assert empty.texts[0].get_text().startswith("No spectra")
