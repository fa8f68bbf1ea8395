"""Power along paths: logarithms over seeds, two panels on equal axes, the sampled ramp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.frames.path_frequency import path_frequency as frame
from analysis.plot.path_frequency import path_frequency, ramp
from tests.analysis.diagnosed import diagnosed


def powers(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """10^(-k - seed), ten times as much between classes; frequency 3 has no power with configuration 1 and seed 1."""
    rows = [
        ("test", kind, float(k), 10.0 ** (-k - seed + (kind == "between")), 16, 5.0, 100)
        for kind in ("within", "between")
        for k in range(9)
    ]
    frame = pd.DataFrame(rows, columns=["split", "kind", "frequency", "power", "points", "length", "paths"])
    if (configuration, seed) == (1, 1):
        frame.loc[frame["frequency"] == 3, "power"] = 0.0
    return {"path_frequency": frame}


def test_the_mean_over_seeds_is_geometric_and_without_frequency_0(tmp_path: Path) -> None:
    found = frame(diagnosed(tmp_path, powers))
    within = found[(found["regularizer"] == "none") & (found["kind"] == "within")]
    assert within["frequency"].tolist() == list(range(1, 9))
    assert within["mean"].tolist() == pytest.approx([-k - 0.5 for k in range(1, 9)])
    assert within["half_width"].tolist() == pytest.approx([12.7062 * 0.5] * 8, rel=1e-5)
    dark = found[(found["regularizer"] == "weight_decay") & (found["frequency"] == 3)]
    assert dark["n"].tolist() == [1, 1]


def test_lines_stand_on_equal_axes(tmp_path: Path) -> None:
    figure = path_frequency(frame(diagnosed(tmp_path, powers)))
    within, between = figure.axes
    assert within.get_ylim() == between.get_ylim()
    assert within.get_xscale() == "log"
    assert within.get_title() == "within a class, 100 paths"
    assert [tick.get_text() for tick in within.get_xticklabels()] == ["1", "2", "4", "8"]
    assert within.lines[0].get_ydata() == pytest.approx([-k - 0.5 for k in range(1, 9)])
    assert between.lines[0].get_ydata() == pytest.approx([-k + 0.5 for k in range(1, 9)])
    # Intervals over 12 decades leave the panel: one decade beyond the means is shown.
    assert within.get_ylim() == pytest.approx((-8.5 - 1 - 0.15, -0.5 + 1 + 0.15))


def test_the_ramp_is_the_spectrum_of_a_sampled_straight_line() -> None:
    power = np.abs(np.fft.rfft(np.arange(16) / 16) / 16) ** 2
    assert ramp(np.arange(1, 9), 16) == pytest.approx(np.log10(power[1:] / power[1]))
