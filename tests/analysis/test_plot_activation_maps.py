"""Maps of three layers: which ones, and what is painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.frames.activation_maps import activation_maps as frame
from analysis.plot.activation_maps import activation_maps
from tests.analysis.diagnosed import diagnosed
from tests.analysis.test_plot_fourier_heat_map import half_plane


def maps(configuration: int, seed: int, layers: int = 6) -> dict[str, pd.DataFrame]:
    """The value is the depth + (fy^2 + 2 fx^2) / 64 + configuration + .2 seed, on 8 x 8 images."""
    parts = []
    for depth in range(layers):
        rows = half_plane(8)
        rows["value"] = rows.pop("error") + depth + configuration + 0.2 * seed
        parts.append(rows.assign(layer=f"conv{depth}", depth=depth))
    whole = pd.concat(parts, ignore_index=True)
    return {"fourier_activation_map": whole.assign(split="test", radius=0.0, multiplicity=2, norm=1.0, n=40)}


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [(1, {"first": 0}), (2, {"first": 0, "last": 1}), (3, {"first": 0, "middle": 1, "last": 2}),
     (6, {"first": 0, "middle": 2, "last": 5})],
)  # fmt: skip
def test_first_middle_and_last_are_shown(tmp_path: Path, layers: int, chosen: dict[str, int]) -> None:
    found = frame(diagnosed(tmp_path, lambda c, s: maps(c, s, layers), (0,)))
    assert dict(zip(found["position"], found["depth"], strict=True)) == chosen


def test_a_row_is_a_configuration_and_a_column_a_layer(tmp_path: Path) -> None:
    figure = activation_maps(frame(diagnosed(tmp_path, maps)))
    images = [ax.images[0] for ax in figure.axes[:6]]
    f = np.fft.fftshift(np.fft.fftfreq(8, 1 / 8))
    plane = (f[:, None] ** 2 + 2 * f[None, :] ** 2) / 64
    for place, image in enumerate(images):
        configuration, depth = place // 3, (0, 2, 5)[place % 3]
        assert np.asarray(image.get_array()) == pytest.approx(plane + depth + configuration + 0.1)
        # One scale for a column: from the lowest of configuration 0 to the highest of configuration 1.
        assert image.get_clim() == pytest.approx((depth + 0.1, depth + 1.1 + plane.max()))
    assert [ax.get_title() for ax in figure.axes[:3]] == [
        "first layer\nconv0",
        "middle layer\nconv2",
        "last layer\nconv5",
    ]
    assert figure.axes[3].get_ylabel() == "weight_decay 0.001\nfy"
    assert figure.get_suptitle() == "fx, fy in cycles per image; 40 images; mean over n = 2 seeds"


def test_a_configuration_that_did_not_record_them_leaves_no_row(tmp_path: Path) -> None:
    figure = activation_maps(frame(diagnosed(tmp_path, lambda c, s: maps(c, s) if c else {}, (0,))))
    assert len([ax for ax in figure.axes if ax.images]) == 3
