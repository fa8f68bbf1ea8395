"""Spectrum frames against values by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.frames.spectrum import high_band_share, radial_profiles, spectrum_evolution
from tests.analysis.synthetic import edit, write_run


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_spectrum_ratios_by_hand(sweep: Path) -> None:
    # Run of configuration 0, seed 0: suppression -.05. Epoch 2: powers .9, 1, 1/1.1 on 1, 4, 4 bins.
    records, total = analysis.load(sweep / "run-0-0"), 0.9 + 4 * 1.0 + 4 / 1.1
    expected = {"energy_share": 4 / 1.1 / total, "dc_relative": 1 / 1.1 / 0.9, "white_relative": 1 / 1.1 * 9 / total}
    for ratio, value in expected.items():
        frame = spectrum_evolution(records, ["first"], ratio)
        row = frame[(frame["epoch"] == 2) & np.isclose(frame["radius"], math.sqrt(2))].iloc[0]
        assert row["mean"] == pytest.approx(value)


def test_high_band_share_of_a_white_kernel_is_eight_ninths(sweep: Path) -> None:
    frame = high_band_share(analysis.load(sweep / "run-0-0"))
    assert frame.loc[frame["epoch"] == 0, "mean"].tolist() == pytest.approx([8 / 9] * 3)


def test_high_band_of_five_by_five_starts_at_the_fourth_radius(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"regularizer": "none"}, 0)
    radius = [0.0, 1.0, math.sqrt(2), 2.0, math.sqrt(5), math.sqrt(8)]
    rows = pd.DataFrame(
        {"run_id": "id-a", "epoch": 0, "layer": "conv1", "depth": 0, "kernel": 5, "radius": radius,
         "multiplicity": [1, 4, 4, 4, 8, 4], "power": 1.0}
    )  # fmt: skip
    edit(tmp_path / "a", "spectra", lambda _: rows)
    assert high_band_share(analysis.load(tmp_path))["mean"].tolist() == pytest.approx([16 / 25])


def test_radial_profiles_are_the_first_and_the_last_state(records: analysis.Records) -> None:
    profiles = radial_profiles(records, ["last"])
    evolution = spectrum_evolution(records, ["last"])
    for state, epoch in (("initial", 0), ("trained", 3)):
        mine = profiles[profiles["state"] == state].set_index(["configuration", "radius"])["mean"]
        same = evolution[evolution["epoch"] == epoch].set_index(["configuration", "radius"])["mean"]
        assert mine.to_dict() == pytest.approx(same.to_dict())
