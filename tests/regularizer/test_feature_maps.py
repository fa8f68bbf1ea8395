"""Dropout sites that feature maps reach, and separable transforms written out."""

import torch

from frequency_reg.model.lenet import LeNet
from frequency_reg.regularizer.feature_maps import map_sites, transform

DATA = {"image_shape": (1, 8, 6), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_sites_that_maps_reach():
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    assert map_sites(model, "x") == {"between": (4, 3)}


def test_transform_by_sums():
    torch.manual_seed(0)
    maps, rows, columns = torch.randn(2, 3, 4, 5), torch.randn(6, 4), torch.randn(2, 5)
    found = transform(maps.contiguous(memory_format=torch.channels_last), rows, columns)
    assert torch.allclose(found, torch.einsum("uy,ncyx,vx->ncuv", rows, maps, columns), atol=1e-5)
