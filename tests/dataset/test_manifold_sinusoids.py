"""Sinusoids along a flower: points and values written out, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from frequency_reg.dataset.manifold_sinusoids import ManifoldSinusoids

DEFAULTS: dict[str, Any] = {
    "petals": 3,
    "petal_height": 0.5,
    "frequencies": [1, 5],
    "amplitudes": "equal",
    "phases": "zero",
    "phase_seed": 0,
    "grid": 16,
}


def manifold(**changes: Any) -> ManifoldSinusoids:
    return ManifoldSinusoids(**(DEFAULTS | changes))


def test_points_and_values_written_out() -> None:
    data = manifold().load()
    assert data.image_shape == (1, 1, 2)
    for split, offset in ((data.train, 0.0), (data.test, 0.0), (data.validation, 0.5)):
        for j in range(16):
            turn = 2 * math.pi * (j + offset) / 16
            radius = 1 + 0.5 * math.sin(3 * turn)
            expected = [radius * math.cos(turn), radius * math.sin(turn)]
            assert split.images[j].flatten().tolist() == pytest.approx(expected, abs=1e-6)
            assert split.labels[j].item() == pytest.approx(math.sin(turn) + math.sin(5 * turn), abs=1e-6)


def test_without_petals_it_is_the_unit_circle_and_the_shape_leaves_the_values_alone() -> None:
    circle, flower = manifold(petals=0, phases="random").load(), manifold(petals=7, phases="random").load()
    assert circle.train.images.flatten(1).norm(dim=1).tolist() == pytest.approx([1.0] * 16)
    assert torch.equal(circle.train.labels, flower.train.labels)
    radii = manifold(petals=1, grid=400).load().train.images.flatten(1).norm(dim=1)
    assert (radii.min().item(), radii.max().item()) == (pytest.approx(0.5, abs=1e-3), pytest.approx(1.5, abs=1e-3))


def test_frequencies_that_the_grid_does_not_resolve_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dataset.frequencies=\[1, 8\]: choose each once, below 8"):
        manifold(frequencies=[1, 8])
