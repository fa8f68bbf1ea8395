"""ResNet-20: the published number of parameters, layers and image sizes."""

import pytest
import torch
from torch import nn

from frequency_reg.model.resnet20 import ResNet20

COLOUR = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": (0.5,) * 3, "std": (0.25,) * 3}


def test_parameters_are_the_published_270_thousand():
    model = ResNet20(width=16, kernel_size=3, shortcut="pad", **COLOUR)
    assert sum(p.numel() for p in model.parameters()) == 269_722  # "0.27M", He et al. 2016, table 6
    assert sum(isinstance(m, nn.Conv2d) for m in model.modules()) == 19


def test_projection_adds_two_1x1_convolutions_with_batch_norm():
    pad = ResNet20(width=16, kernel_size=3, shortcut="pad", **COLOUR)
    projection = ResNet20(width=16, kernel_size=3, shortcut="projection", **COLOUR)
    extra = sum(p.numel() for p in projection.parameters()) - sum(p.numel() for p in pad.parameters())
    assert extra == (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_stages_halve_the_image_at_every_kernel_size(kernel_size):
    model = ResNet20(width=4, kernel_size=kernel_size, shortcut="pad", **COLOUR).eval()
    sizes = []
    for stage in model.stages:
        stage.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))
    model(torch.rand(2, 3, 32, 32))
    assert sizes == [(4, 32, 32), (8, 16, 16), (16, 8, 8)]


def test_block_convolutions_leave_out_stem_and_shortcuts():
    model = ResNet20(width=4, kernel_size=3, shortcut="projection", **COLOUR)
    assert len(model.block_convolutions) == 18
    assert all(model.get_submodule(name).kernel_size == (3, 3) for name in model.block_convolutions)
    assert "conv1" not in model.block_convolutions


def test_block_by_hand():
    block = ResNet20(width=4, kernel_size=3, shortcut="pad", **COLOUR).eval().stages[1][0]
    x = torch.randn(2, 4, 8, 8)
    y = torch.relu(block.bn1(block.conv1(x)))
    y = block.bn2(block.conv2(y))
    skip = torch.cat([x[:, :, ::2, ::2], torch.zeros(2, 4, 4, 4)], dim=1)
    assert torch.allclose(block(x), torch.relu(y + skip))
