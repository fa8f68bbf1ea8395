"""What enters and leaves the modules of a model."""

import pytest
import torch
from torch import nn

from frequency_reg.model.base import trace_shapes
from frequency_reg.model.lenet import LeNet

DATA = {"image_shape": (1, 8, 6), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_shapes_of_maps_and_vectors():
    found = trace_shapes(LeNet(kernel_size=3, padding=1, width=1.0, **DATA), ("conv1", "between", "fc1"))
    assert {name: shapes.entering for name, shapes in found.items()} == {
        "conv1": (1, 8, 6),
        "between": (6, 4, 3),
        "fc1": (16 * 2 * 1,),
    }
    assert {name: shapes.leaving for name, shapes in found.items()} == {
        "conv1": (6, 8, 6),
        "between": (6, 4, 3),
        "fc1": (120,),
    }


def test_a_module_that_no_image_reaches_has_none():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    model.spare = nn.Linear(2, 2)
    assert list(trace_shapes(model, ("spare", "conv1"))) == ["conv1"]


def test_looking_leaves_modes_statistics_and_hooks_as_they_were():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    model.pool = nn.Sequential(nn.BatchNorm2d(6), nn.MaxPool2d(2)).eval()
    model.conv2 = nn.Conv2d(6, 6, 3, padding=1)
    model.fc1 = nn.Linear(6 * 2 * 1, 120)
    before = [module.training for module in model.modules()]
    trace_shapes(model, ("conv1",))
    assert [module.training for module in model.modules()] == before
    assert int(model.pool[0].num_batches_tracked) == 0
    assert not model.conv1._forward_hooks


def test_a_model_that_fails_is_left_as_it_was():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    model.fc1 = nn.Linear(3, 120)
    with pytest.raises(RuntimeError):
        trace_shapes(model, ("conv1",))
    assert model.training
    assert torch.is_grad_enabled()
    assert not model.conv1._forward_hooks
