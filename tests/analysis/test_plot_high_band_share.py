"""Heat maps of the high band's share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.frames import spectrum
from analysis.plot.high_band_share import high_band_share


def test_a_white_kernel_has_eight_ninths(sweep: Path) -> None:
    figure = high_band_share(spectrum.high_band_share(analysis.load(sweep)))
    shares = np.asarray(figure.axes[0].collections[0].get_array()).reshape(3, 4)
    assert shares[:, 0] == pytest.approx([8 / 9] * 3)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["none", "dropout 0.5"]
    assert figure.get_suptitle() == "mean over n = 3 seeds"
