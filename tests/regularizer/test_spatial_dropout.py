"""Spatial dropout zeroes whole maps, at the sites that have maps."""

import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.model.vit import ViT
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.dropout import Dropout
from frequency_reg.regularizer.spatial_dropout import SpatialDropout

DATA = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_a_channel_is_zero_everywhere_or_scaled_everywhere():
    torch.manual_seed(0)
    model = LeNet(kernel_size=3, padding=1, width=1.0, **DATA)
    site = SpatialDropout(spatial_dropout=0.2).prepare(model).get_submodule("between")
    maps = torch.rand(500, 6, 4, 4) + 1
    ratio = (site(maps) / maps).flatten(2)
    kept = ratio[..., 0] > 0
    assert torch.allclose(ratio, torch.where(kept, 1.25, 0.0)[..., None].expand_as(ratio))
    assert kept.float().mean().item() == pytest.approx(0.8, abs=4 * (0.16 / 3000) ** 0.5)


def test_sites_without_maps_stay_as_they_are():
    model = SpatialDropout(spatial_dropout=0.2).prepare(LeNet(kernel_size=3, padding=1, width=1.0, **DATA))
    assert {name for name, m in model.named_modules() if isinstance(m, nn.Dropout2d)} == {"between"}
    assert isinstance(model.get_submodule("between_fc"), nn.Identity)


def test_it_stands_behind_dropout_where_both_are_chosen():
    parts = {"spatial_dropout": SpatialDropout(spatial_dropout=0.2), "dropout": Dropout(dropout=0.3)}
    model = Composition(parts).prepare(ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA))
    site = model.get_submodule("stages.2.1.between")
    assert [(type(m), m.p) for m in site] == [(nn.Dropout, 0.3), (nn.Dropout2d, 0.2)]


def test_zero_changes_no_module():
    model = SpatialDropout(spatial_dropout=0.0).prepare(LeNet(kernel_size=3, padding=1, width=1.0, **DATA))
    assert not [m for m in model.modules() if isinstance(m, nn.Dropout2d)]


def test_tokens_are_no_maps():
    model = ViT(patch=4, depth=2, width=8, heads=2, mlp_ratio=2.0, **DATA)
    with pytest.raises(ValueError) as error:
        SpatialDropout(spatial_dropout=0.2).prepare(model)
    assert str(error.value) == (
        "regularizer=spatial_dropout: no feature maps (C, H, W) reach the dropout_sites of ViT; choose a convolutional "
        "model, such as model=lenet or model=resnet20"
    )
