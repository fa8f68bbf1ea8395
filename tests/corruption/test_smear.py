from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from frequency_reg.corruption.smear import falling_weights, smear
from tests.corruption.smeared_by_loop import smeared_by_loop


def test_lines_by_hand() -> None:
    impulse = torch.zeros(3, 1, 5, 5)
    impulse[:, 0, 2, 2] = 1
    angles = torch.tensor([0.0, 45.0, -45.0], dtype=torch.float64).deg2rad()
    smeared = smear(impulse, torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64), angles)
    # The pixel reads to its right, so the trail lies to the left; at 45 degrees, ceil(2 sin - 1/2) = ceil(.914) = 1.
    expected = torch.zeros(3, 5, 5)
    expected[0, 2, [2, 1, 0]] = torch.tensor([0.6, 0.3, 0.1])
    expected[1, 2, 2] = expected[2, 2, 2] = 0.6
    expected[1, 1, 1] = 0.3 + 0.1
    expected[2, 3, 1] = 0.3 + 0.1
    torch.testing.assert_close(smeared[:, 0], expected)


def test_a_flake_falls_straight_down_by_hand() -> None:
    layer = torch.zeros(1, 1, 7, 7)
    layer[..., 2, 3] = 1
    smeared = smear(layer, falling_weights(3, 1.0), torch.tensor([-90.0]).deg2rad())[0, 0]
    # exp(0), exp(-1/2), exp(-2) = 1, .60653, .13534, sum 1.74187, on the pixel and the two below.
    expected = torch.zeros(7, 7)
    expected[2:5, 3] = torch.tensor([0.57410, 0.34821, 0.07770])
    torch.testing.assert_close(smeared, expected, atol=1e-5, rtol=0)


def test_flakes_fall_to_either_side() -> None:
    layers = torch.zeros(2, 1, 7, 7)
    layers[..., 2, 3] = 1
    left, right = smear(layers, falling_weights(3, 1.0), torch.tensor([-50.0, -130.0]).deg2rad())[:, 0]
    # At -50 degrees light comes from the upper right: steps (-.77, .64), (-1.53, 1.29) -> (-1, 1), (-2, 1).
    assert left.nonzero().tolist() == [[2, 3], [3, 2], [4, 2]]
    assert right.nonzero().tolist() == [[2, 3], [3, 4], [4, 4]]


@pytest.mark.parametrize(("taps", "sigma"), [(17, 3.0), (21, 4.0), (25, 6.0), (29, 12.0), (1, 1.0)])
def test_smear_equals_a_loop(natural: Tensor, taps: int, sigma: float, generator: Generator) -> None:
    layers = natural[:, 0, :20].repeat(20, 1, 1)  # more than are smeared at once
    angle = torch.rand(320, generator=generator).double() * 90 - 135
    expected = [smeared_by_loop(layer.numpy(), taps, sigma, a.item()) for layer, a in zip(layers, angle, strict=True)]
    found = smear(layers[:, None], falling_weights(taps, sigma), angle.deg2rad())
    np.testing.assert_allclose(found[:, 0].numpy(), expected, atol=1e-6)
