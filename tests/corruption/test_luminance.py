from __future__ import annotations

import pytest
import torch

from frequency_reg.corruption.luminance import luminance, paint


def test_luma_of_rgb_and_mean_of_other_channels() -> None:
    rgb = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    assert luminance(rgb).item() == pytest.approx(0.299 + 0.2935)
    assert luminance(rgb[:, :2]).item() == pytest.approx(0.75)
    assert luminance(rgb[:, 1:2]).item() == 0.5


def test_luminance_leaves_the_images_as_they_are() -> None:
    grey = torch.full((1, 1, 2, 2), 0.5)
    luminance(grey).mul_(0)
    assert (grey == 0.5).all()


def test_paint_is_colour_on_rgb_and_luma_elsewhere() -> None:
    assert paint((1.0, 0.5, 0.0), torch.zeros(2, 3, 4, 4)).flatten().tolist() == [1, 0.5, 0]
    luma = 0.299 + 0.2935
    assert paint((1.0, 0.5, 0.0), torch.zeros(2, 1, 4, 4)).flatten().tolist() == pytest.approx([luma])
    assert paint((1.0, 0.5, 0.0), torch.zeros(2, 2, 4, 4)).flatten().tolist() == pytest.approx([luma, luma])
