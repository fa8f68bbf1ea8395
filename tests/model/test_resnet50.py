"""ResNet-50 with the CIFAR stem: parameters counted by hand, the bottleneck's order, sites inside it."""

import pytest
import torch
from torch import nn

from frequency_reg.model.resnet50 import ResNet50

COLOUR = {"image_shape": (3, 32, 32), "num_classes": 10, "mean": (0.5,) * 3, "std": (0.25,) * 3}


def small(**changes) -> ResNet50:
    torch.manual_seed(0)
    return ResNet50(**{"width": 4, "kernel_size": 3, "shortcut": "projection", **COLOUR, **changes})


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("width", "kernel_size"), [(64, 3), (8, 5), (8, 7)])
def test_parameters_by_hand(width, kernel_size, norm):
    def convolution(inputs, outputs, k):
        return inputs * outputs * k * k + 2 * outputs  # with its norm

    expected, inputs = convolution(3, width, kernel_size), width
    for stage, count in enumerate((3, 4, 6, 3)):
        w = width * 2**stage
        expected += convolution(inputs, 4 * w, 1)  # the stage's one projection
        for _ in range(count):
            expected += convolution(inputs, w, 1) + convolution(w, w, kernel_size) + convolution(w, 4 * w, 1)
            inputs = 4 * w
    expected += inputs * 10 + 10
    model = small(width=width, kernel_size=kernel_size, norm=norm)
    assert sum(p.numel() for p in model.parameters()) == expected
    if (width, kernel_size) == (64, 3):
        assert expected == 23_520_842


def test_layers_are_fifty_with_the_read_out_and_without_projections():
    convolutions = [m for m in small().modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 49 + 4
    assert sum(m.kernel_size == (3, 3) for m in convolutions) == 1 + 16


def test_stages_halve_the_image_and_quadruple_the_width():
    model, sizes = small().eval(), []
    for stage in model.stages:
        stage.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))
    model(torch.rand(2, 3, 32, 32))
    assert sizes == [(16, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4)]


@pytest.mark.parametrize("shortcut", ["projection", "pad"])
def test_block_by_hand(shortcut):
    block = small(shortcut=shortcut).eval().stages[1][0]
    x = torch.randn(2, 16, 8, 8)
    y = torch.relu(block.bn1(block.conv1(x)))
    y = torch.relu(block.bn2(block.conv2(y)))
    y = block.bn3(block.conv3(y))
    if shortcut == "pad":
        skip = torch.cat([x[:, :, ::2, ::2], torch.zeros(2, 16, 4, 4)], dim=1)
    else:
        convolution, norm = block.shortcut
        skip = norm(torch.einsum("oi,nihw->nohw", convolution.weight[:, :, 0, 0], x[:, :, ::2, ::2]))
    assert (block.conv1.stride, block.conv2.stride) == ((1, 1), (2, 2))
    assert torch.allclose(block(x), torch.relu(y + skip), atol=1e-5)


def test_regularizers_act_on_the_spatial_convolutions():
    model = small(kernel_size=5)
    assert len(model.block_convolutions) == len(model.dropout_sites) == 16
    assert {model.get_submodule(name).kernel_size for name in model.block_convolutions} == {(5, 5)}
    order = [name for name, _ in model.stages[0][0].named_children()]
    assert order[:4] == ["conv1", "bn1", "between", "conv2"]
