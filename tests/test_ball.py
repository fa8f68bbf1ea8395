"""Balls and the ascent within, each against its definition."""

import math

import pytest
import torch

from frequency_reg.ball import Ball


def test_projection_onto_the_cube_and_the_box():
    centres = torch.tensor([0.5, 0.05, 0.95, 0.5]).view(1, 1, 2, 2)
    moved = torch.tensor([0.9, -0.3, 1.4, 0.55]).view(1, 1, 2, 2)
    found = Ball("linf", 0.1).project(moved, centres).flatten().tolist()
    assert found == pytest.approx([0.6, 0.0, 1.0, 0.55])


def test_projection_onto_the_l2_ball_shortens_and_then_clips():
    centres = torch.tensor([0.5, 0.9]).view(1, 1, 1, 2)
    far = centres + torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    assert Ball("l2", 0.5).project(far, centres).flatten().tolist() == pytest.approx([0.8, 1.0])  # 1.3 clipped
    near = centres + torch.tensor([0.03, 0.04]).view(1, 1, 1, 2)
    assert Ball("l2", 0.5).project(near, centres).flatten().tolist() == pytest.approx([0.53, 0.94])
    assert torch.equal(Ball("l2", 0.5).project(centres, centres), centres)


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_steepest_direction_has_norm_one_at_every_scale(scale):
    gradient = torch.tensor([3.0, -4.0, 0.0, 0.0]).view(1, 1, 2, 2) * scale
    assert Ball("l2", 1.0).steepest(gradient).flatten().tolist() == pytest.approx([0.6, -0.8, 0, 0])
    assert Ball("linf", 1.0).steepest(gradient).flatten().tolist() == [1, -1, 0, 0]
    assert torch.equal(Ball("l2", 1.0).steepest(torch.zeros(1, 1, 2, 2)), torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_points_fill_the_ball_and_stay_in_it(norm):
    centres = torch.full((4000, 1, 1, 2), 0.5)
    offset = Ball(norm, 0.2).random(centres, torch.Generator().manual_seed(0)).sub(centres).flatten(1)
    size = offset.abs().amax(1) if norm == "linf" else offset.norm(dim=1)
    assert size.max() <= 0.2 + 1e-6
    # Uniform in two dimensions: a quarter of the points has half the size or less, and they point everywhere.
    assert float((size <= 0.1).double().mean()) == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))
    assert offset.mean(0).abs().max() < 4 * 0.2 / math.sqrt(4000)
    edge = torch.ones(50, 1, 4, 4)
    assert Ball(norm, 0.2).random(edge, torch.Generator().manual_seed(0)).max() <= 1


def test_climbing_stops_at_the_edge_and_at_the_top():
    """Towards .8 from .5 in steps of .08: .58, .66, .7 (the ball's edge); towards .6 it swings about the top."""
    centre = torch.full((1, 1, 1, 1), 0.5)
    for top, steps, expected in ((0.8, 1, 0.58), (0.8, 2, 0.66), (0.8, 5, 0.7), (0.6, 2, 0.66), (0.6, 3, 0.58)):
        found = Ball("linf", 0.2).climb(
            lambda x, top=top: 2 * (top - x), centre, start=centre, steps=steps, step_size=0.08
        )
        assert found.item() == pytest.approx(expected), (top, steps)
