"""Gain against frequency before and after training, and its change in every layer."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from analysis.frames import operator_spectrum as frames
from analysis.plot.operator_spectrum import gain_by_layer, operator_spectrum
from tests.analysis.diagnosed import diagnosed

FREQUENCIES = {16: [0.0, 0.1, 0.3, 0.7], 4: [0.0, 0.5]}
SIZES = [16, 16, 16, 4]


def gains(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """log2 of the largest gain: depth + f + epoch x (configuration + 1) / 2 + seed; the mean gain is half of it."""
    rows = []
    for epoch in (0, 1, 2):
        for depth, size in enumerate(SIZES):
            for f in FREQUENCIES[size]:
                gain = 2.0 ** (depth + f + epoch * (configuration + 1) / 2 + seed)
                rows.append((epoch, f"conv{depth}", depth, size, 1, f, 4, gain, gain / 2))
    columns = [
        "epoch", "layer", "depth", "size", "stride", "frequency", "multiplicity", "gain_max", "gain_mean",
    ]  # fmt: skip
    return {"operator_spectrum": pd.DataFrame(rows, columns=columns)}


def test_profiles_before_and_after_training(tmp_path: Path) -> None:
    figure = operator_spectrum(frames.gain_profiles(diagnosed(tmp_path, gains)), "gain_mean")
    assert [ax.get_title() for ax in figure.axes] == [
        "first layer (conv0)\non 16 × 16 samples",
        "middle layer (conv1)\non 16 × 16 samples",
        "last layer (conv3)\non 4 × 4 samples",
    ]
    for ax, depth in zip(figure.axes, (0, 1, 3), strict=True):
        for configuration in (0, 1):
            initial, trained = ax.lines[2 * configuration : 2 * configuration + 2]
            f = np.array(FREQUENCIES[SIZES[depth]])
            assert initial.get_ydata() == pytest.approx(depth + f + 0.5 - 1)
            assert trained.get_ydata() == pytest.approx(depth + f + (configuration + 1) + 0.5 - 1)
            assert trained.get_xdata() == pytest.approx(f)
    assert figure.axes[0].get_ylabel() == "mean gain, log2"


def test_a_gain_of_0_has_no_logarithm(tmp_path: Path) -> None:
    def dead(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
        rows = gains(configuration, seed)["operator_spectrum"]
        return {"operator_spectrum": rows.assign(gain_max=rows["gain_max"].where((rows["epoch"] < 2) | (seed > 0), 0))}

    records = diagnosed(tmp_path, dead)
    profiles = frames.gain_profiles(records)
    after = profiles[(profiles["state"] == "trained") & (profiles["quantity"] == "gain_max")]
    assert set(after["n"]) == {1}
    assert set(frames.gain_by_layer(records)["n"]) == {1}


def test_every_layer_is_painted_at_its_own_frequencies(tmp_path: Path) -> None:
    figure = gain_by_layer(frames.gain_by_layer(diagnosed(tmp_path, gains)))
    plain, decayed, _ = figure.axes
    for ax, ratio in ((plain, 1.0), (decayed, 2.0)):
        strips = [strip for strip in ax.collections if isinstance(strip, QuadMesh)]
        assert [np.asarray(strip.get_array()).size for strip in strips] == [4, 4, 4, 2]
        for strip in strips:
            assert np.asarray(strip.get_array()).ravel() == pytest.approx(ratio)
            assert strip.get_clim() == pytest.approx((-2, 2))
        edges = [np.asarray(strip.get_coordinates())[0, :, 0].tolist() for strip in strips]
        assert edges[0] == pytest.approx([0, 0.05, 0.2, 0.5, 0.7])
        assert edges[3] == pytest.approx([0, 0.25, 0.7])
    assert math.isclose(plain.get_xlim()[1], 0.7)


def test_only_the_initial_state_is_no_change(tmp_path: Path) -> None:
    def untrained(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
        rows = gains(configuration, seed)["operator_spectrum"]
        return {"operator_spectrum": rows[rows["epoch"] == 0]}

    assert frames.gain_by_layer(diagnosed(tmp_path, untrained)).empty
