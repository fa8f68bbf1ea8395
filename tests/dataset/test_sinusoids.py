"""Sums of sinusoids: their values, their points, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from frequency_reg.dataset.sinusoids import Sinusoids

DEFAULTS: dict[str, Any] = {
    "frequencies": [1, 3],
    "amplitudes": "equal",
    "phases": "zero",
    "phase_seed": 0,
    "length": 2.0,
    "grid": 16,
    "n_train": None,
    "point_seed": 0,
}


def sinusoids(**changes: Any) -> Sinusoids:
    return Sinusoids(**(DEFAULTS | changes))


def test_values_are_the_sum_written_out() -> None:
    data = sinusoids().load()
    x = data.test.images.flatten().double()
    assert torch.equal(x, torch.arange(16) / 8)
    by_hand = [math.sin(math.pi * v) + math.sin(3 * math.pi * v) for v in x.tolist()]
    assert data.test.labels.flatten().tolist() == pytest.approx(by_hand, abs=1e-6)


def test_rising_amplitudes_and_random_phases_are_what_a_least_squares_fit_finds() -> None:
    dataset = sinusoids(frequencies=[1, 2, 3, 4], amplitudes="rising", phases="random", grid=64)
    data = dataset.load()
    x = data.test.images.flatten().double().numpy()
    columns = [wave(np.pi * k * x) for k in (1, 2, 3, 4) for wave in (np.sin, np.cos)]
    fit, *_ = np.linalg.lstsq(np.stack(columns, 1), data.test.labels.flatten().double().numpy(), rcond=None)
    assert np.hypot(fit[::2], fit[1::2]) == pytest.approx([0.1, 0.4, 0.7, 1.0], abs=1e-6)
    assert len(set(np.round(np.arctan2(fit[1::2], fit[::2]), 3))) == 4
    assert not torch.equal(data.test.labels, sinusoids(phases="random", phase_seed=1, grid=64).load().test.labels)


def test_training_points_are_the_grid_or_some_of_it_and_validation_lies_between() -> None:
    whole, some = sinusoids().load(), sinusoids(n_train=5).load()
    assert torch.equal(whole.train.images, whole.test.images)
    grid = whole.test.images.flatten().tolist()
    drawn = some.train.images.flatten().tolist()
    assert len(drawn) == len(set(drawn)) == 5
    assert set(drawn) < set(grid)
    assert drawn == sorted(drawn)
    assert drawn != sinusoids(n_train=5, point_seed=1).load().train.images.flatten().tolist()
    assert whole.validation.images.flatten().tolist() == pytest.approx([v + 1 / 16 for v in grid])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frequencies": [1, 8]}, r"dataset.frequencies=\[1, 8\]: choose each once, below 8, half of dataset.grid"),
        ({"frequencies": [2, 2]}, r"dataset.frequencies=\[2, 2\]: choose each once"),
        ({"n_train": 17}, "dataset.n_train=17: choose at most 16, the points of dataset.grid, or null"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sinusoids(**changes)
