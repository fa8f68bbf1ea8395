"""Shapes of what reaches modules, and separable transforms written out."""

import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.regularizer.feature_maps import input_shapes, map_sites, transform

DATA = {"image_shape": (1, 8, 6), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_shapes_of_maps_and_vectors():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    found = input_shapes(model, ("conv1", "between", "fc1"))
    assert found == {"conv1": (1, 8, 6), "between": (6, 4, 3), "fc1": (16 * 2 * 1,)}
    assert map_sites(model, "x") == {"between": (4, 3)}


def test_looking_leaves_modes_statistics_and_hooks_as_they_were():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    model.pool = nn.Sequential(nn.BatchNorm2d(6), nn.MaxPool2d(2)).eval()
    model.conv2 = nn.Conv2d(6, 6, 3, padding=1)
    model.fc1 = nn.Linear(6 * 2 * 1, 120)
    before = [module.training for module in model.modules()]
    input_shapes(model, ("conv1",))
    assert [module.training for module in model.modules()] == before
    assert int(model.pool[0].num_batches_tracked) == 0
    assert not model.conv1._forward_pre_hooks


def test_transform_by_sums():
    torch.manual_seed(0)
    maps, rows, columns = torch.randn(2, 3, 4, 5), torch.randn(6, 4), torch.randn(2, 5)
    found = transform(maps.contiguous(memory_format=torch.channels_last), rows, columns)
    assert torch.allclose(found, torch.einsum("uy,ncyx,vx->ncuv", rows, maps, columns), atol=1e-5)
