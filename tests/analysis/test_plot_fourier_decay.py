"""Exact spectra beside their predicted decay: logarithms over seeds, fitted powers, guides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.frames.fourier_decay import decay_rate
from analysis.frames.fourier_decay import fourier_decay as frame
from analysis.plot.fourier_decay import PLOT, fourier_decay, guide, rate_text
from tests.analysis.diagnosed import diagnosed

FREQUENCIES = (1.0, 10.0, 100.0, 1000.0)


def tables(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """Interior 10^-seed k^-(2 + configuration), its bounds 10 and 100 times as much; numerical up to k = 10."""
    rows = []
    for epoch in (0, 5):
        for k in FREQUENCIES:
            interior = (10.0**-seed) * k ** -(2.0 + configuration) if epoch else 1.0
            rows.append(
                (epoch, "axis", None, k, 1 / k, 1 / k if k <= 10 else None, interior, 10 * interior, 100 * interior)
            )
    columns = ["epoch", "direction", "angle", "frequency", "amplitude", "numerical", "interior"]
    return {"fourier_decay": pd.DataFrame(rows, columns=[*columns, "lipschitz_bound", "norm_bound"])}


def test_lines_are_geometric_means_after_the_last_epoch(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, tables)
    figure = fourier_decay(frame(records), decay_rate(records))
    for configuration, ax in enumerate(figure.axes):
        lines = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in ax.lines}
        interior = -0.5 - (2 + configuration) * np.array([0, 1, 2, 3])
        assert lines["exact, without the domain's edge"] == pytest.approx(interior)
        assert lines["bound, Lipschitz constant"] == pytest.approx(interior + 1)
        assert lines["bound, product of layer norms"] == pytest.approx(interior + 2)
        assert lines["exact"] == pytest.approx([0, -1, -2, -3])
        assert lines["numerical"] == pytest.approx([0, -1])
        assert ax.get_xscale() == "log"
    # Of configuration 0 the guide lies on the line.
    guided = next(line for line in figure.axes[0].lines if line.get_label() == "predicted rate")
    assert guided.get_ydata() == pytest.approx([-2.5, -4.5, -6.5])
    assert figure.axes[0].get_title() == "none\nfitted power −2.00 ± 0.00, predicted −2"
    assert figure.axes[1].get_title() == "weight_decay 0.001\nfitted power −3.00 ± 0.00, predicted −2"


def test_the_rate_is_that_of_the_highest_hundredfold(tmp_path: Path) -> None:
    found = decay_rate(diagnosed(tmp_path, tables))
    assert found["mean"].tolist() == pytest.approx([-2, -3])
    assert found["epoch"].tolist() == [5, 5]
    assert rate_text(found.iloc[:0]) == "fitted power unknown"


def test_the_guide_has_the_power_and_the_level_of_what_it_guides() -> None:
    rows = pd.DataFrame({"frequency": [1.0, 10, 100, 1000], "mean": [5.0, 0.5, 0.0, -0.5]})
    k, level = guide(rows, -2)
    assert k.tolist() == [10, 100, 1000]
    # The mean of .5 + 2, 0 + 4 and -.5 + 6 is 4.
    assert level == pytest.approx([2, 0, -2])


def test_an_empty_frame_says_why(tmp_path: Path) -> None:
    records = diagnosed(tmp_path, tables)
    figure = PLOT.draw(frame(records).iloc[:0], decay_rate(records))[""]
    assert isinstance(figure, Figure)
    assert "fourier_decay" in figure.texts[0].get_text()
