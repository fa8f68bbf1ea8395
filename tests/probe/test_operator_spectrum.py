"""The operator spectrum probe: which layers, at what size, when, and that its rows are the operator's values."""

import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.probe.operator_spectrum import OperatorSpectrum, input_sizes
from frequency_reg.spectrum.operator import frequency_gain

GREY = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def resnet(side: int = 32) -> ResNet20:
    torch.manual_seed(0)
    return ResNet20(width=4, kernel_size=3, shortcut="projection", **{**GREY, "image_shape": (1, side, side)})


def rows(probe, model, epoch=0):
    return {columns["layer"]: columns for _, columns in probe.measure(model, epoch)}


def test_sizes_are_those_of_what_enters_each_layer_and_the_model_is_left_alone():
    model = resnet().train()
    sizes = input_sizes(model)
    assert len(sizes) == 21
    assert (sizes["conv1"], sizes["stages.1.0.conv1"], sizes["stages.1.0.conv2"], sizes["stages.2.2.conv2"]) == (
        32,
        32,
        16,
        8,
    )
    assert model.training
    assert int(model.stages[0][0].bn1.num_batches_tracked) == 0
    assert not any(module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(("size", "expected"), [(16, (16, 16, 8)), (None, (32, 16, 8)), (2, (3, 3, 3))])
def test_the_operator_is_as_large_as_asked_but_not_larger_than_its_input_nor_smaller_than_its_kernel(size, expected):
    found = rows(OperatorSpectrum(size=size, every=1), resnet())
    assert tuple(found[name]["size"] for name in ("conv1", "stages.1.0.conv2", "stages.2.2.conv2")) == expected
    assert found["stages.1.0.conv1"]["stride"] == 2


def test_rows_are_the_operators_gains():
    model = resnet(8)
    columns = rows(OperatorSpectrum(size=8, every=1), model)["stages.0.1.conv2"]
    gain = frequency_gain(model.get_submodule("stages.0.1.conv2").weight, 8)
    assert columns["gain_max"] == gain.largest.tolist()
    assert columns["gain_mean"] == gain.mean.tolist()
    assert columns["frequency"] == gain.frequency.tolist()
    assert sum(columns["multiplicity"]) == 64
    assert columns["depth"] == 4  # stem, two of the first block, first of the second


def test_a_layer_doubled_has_twice_the_gain():
    model, probe = resnet(8), OperatorSpectrum(size=8, every=1)
    before = rows(probe, model, 0)
    with torch.no_grad():
        model.conv1.weight.mul_(2)
    after = rows(probe, model, 1)
    assert after["conv1"]["gain_max"] == pytest.approx([2 * v for v in before["conv1"]["gain_max"]])
    assert after["stages.0.0.conv1"]["gain_max"] == before["stages.0.0.conv1"]["gain_max"]
    assert after["conv1"]["epoch"] == 1


def test_groups_are_blocks_and_dilated_convolutions_are_left_out():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **GREY)
    model.conv2 = nn.Conv2d(6, 16, 3, padding=1, groups=2)
    found = rows(OperatorSpectrum(size=8, every=1), model)["conv2"]
    block = frequency_gain(model.conv2.weight.view(2, 8, 3, 3, 3), 4)
    assert found["size"] == 4  # after one pooling
    assert found["gain_max"] == block.largest.tolist()
    model.conv2 = nn.Conv2d(6, 16, 3, padding=2, dilation=2)
    assert set(rows(OperatorSpectrum(size=8, every=1), model)) == {"conv1"}


def test_a_model_without_convolutions_has_no_rows_and_a_stranger_is_refused():
    assert rows(OperatorSpectrum(size=8, every=1), MLP(hidden=[4], activation="relu", **GREY)) == {}
    with pytest.raises(TypeError, match="Sequential is no frequency_reg Model with an image_shape"):
        rows(OperatorSpectrum(size=8, every=1), nn.Sequential())
