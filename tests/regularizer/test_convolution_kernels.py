"""Which convolutions a penalty on kernels acts on, and how their kernels are gathered."""

import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition, Regularizer
from frequency_reg.regularizer.convolution_kernels import kernel_rows, spatial_convolutions, weights_by_size

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_every_convolution_but_1_by_1_in_order():
    model = ResNet20(width=2, kernel_size=3, shortcut="projection", **GREY)
    assert [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    blocks = [f"stages.{s}.{b}.conv{c}" for s in range(3) for b in range(3) for c in (1, 2)]
    assert list(spatial_convolutions(model, "x")) == ["conv1", *blocks]


def test_a_convolution_that_another_regularizer_added_is_not_the_networks():
    class Adds(Regularizer):
        def prepare(self, model):
            model.extra = nn.Conv2d(1, 1, 3)
            return model

    model = Composition({"adds": Adds()}).prepare(LeNet(kernel_size=5, padding=2, width=1.0, **GREY))
    assert spatial_convolutions(model, "x") == ("conv1", "conv2")


def test_a_model_without_convolutions_is_refused():
    with pytest.raises(ValueError, match="regularizer=some_name: MLP has no convolution with kernels above 1 x 1"):
        spatial_convolutions(MLP(hidden=[8], activation="relu", **GREY), "some_name")


def test_weights_are_grouped_by_size_and_looked_up_by_name():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 5), nn.Conv2d(3, 4, 3))
    before = weights_by_size(model, ["0", "1", "2"])
    assert {k: [tuple(w.shape) for w in ws] for k, ws in before.items()} == {
        3: [(2, 1, 3, 3), (4, 3, 3, 3)],
        5: [(3, 2, 5, 5)],
    }
    model[1] = nn.Conv2d(2, 3, 5)
    assert weights_by_size(model, ["1"])[5][0] is model[1].weight


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_row_is_a_kernel_read_line_by_line_whatever_the_memory_layout(memory_format):
    first = torch.arange(2 * 3 * 9.0).view(2, 3, 3, 3).contiguous(memory_format=memory_format)
    second = torch.arange(100.0, 109.0).view(1, 1, 3, 3).contiguous(memory_format=memory_format)
    rows = kernel_rows([first, second])
    assert rows.shape == (7, 9)
    assert rows[4].tolist() == list(range(36, 45))  # output 1, input 1
    assert rows[6].tolist() == list(range(100, 109))
