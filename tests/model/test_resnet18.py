"""ResNet-18 with the CIFAR stem: the known number of parameters, layers and widths."""

import torch
from torch import nn

from frequency_reg.model.resnet18 import ResNet18

COLOUR = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": (0.5,) * 3, "std": (0.25,) * 3}


def test_parameters_and_layers():
    model = ResNet18(width=64, kernel_size=3, shortcut="projection", **COLOUR)
    assert sum(p.numel() for p in model.parameters()) == 11_173_962
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert (len(convolutions), sum(m.kernel_size == (1, 1) for m in convolutions)) == (20, 3)
    assert len(model.block_convolutions) == 16


def test_stem_keeps_the_image_size():
    model = ResNet18(width=4, kernel_size=3, shortcut="projection", **COLOUR).eval()
    assert model.conv1(torch.rand(1, 3, 32, 32)).shape == (1, 4, 32, 32)
    assert [stage[0].conv1.out_channels for stage in model.stages] == [4, 8, 16, 32]
