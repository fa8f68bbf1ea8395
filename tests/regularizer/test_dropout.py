"""Dropout stands at the sites the model names, and acts in training only."""

import pytest
import torch
from torch import nn

from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.dropout import Dropout

DATA = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_every_block_gets_one_between_its_convolutions():
    model = Dropout(dropout=0.3).prepare(ResNet20(width=4, kernel_size=3, shortcut="pad", **DATA))
    dropouts = {name: m.p for name, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert dropouts == {f"stages.{s}.{b}.between": 0.3 for s in range(3) for b in range(3)}


def test_acts_in_training_and_not_in_evaluation():
    model = Dropout(dropout=0.5).prepare(MLP(hidden=[64], activation="relu", **DATA))
    images = torch.rand(4, 1, 8, 8)
    assert not torch.equal(model.train()(images), model(images))
    assert torch.equal(model.eval()(images), model(images))


def test_zero_changes_no_module():
    model = Dropout(dropout=0.0).prepare(MLP(hidden=[8], activation="relu", **DATA))
    assert not [m for m in model.modules() if isinstance(m, nn.Dropout)]


def test_a_model_without_sites_is_refused():
    model = MLP(hidden=[8], activation="relu", **DATA)
    model.dropout_sites = ()
    with pytest.raises(ValueError, match="regularizer=dropout: MLP names no dropout_sites"):
        Dropout(dropout=0.5).prepare(model)
