"""MLP: parameters counted by hand, dropout sites after every hidden nonlinearity, and the nonlinearities."""

import math

import pytest
import torch
from torch import nn

from frequency_reg.model.mlp import MLP

DATA = {"image_shape": (1, 8, 8), "num_classes": 10, "mean": (0.3,), "std": (0.4,)}


def test_parameters_by_hand():
    model = MLP(hidden=[32, 16], activation="relu", **DATA)
    assert sum(p.numel() for p in model.parameters()) == (64 * 32 + 32) + (32 * 16 + 16) + (16 * 10 + 10)


def test_dropout_sites_follow_the_nonlinearity():
    model = MLP(hidden=[32, 16], activation="relu", **DATA)
    assert model.dropout_sites == ("hidden.0.2", "hidden.1.2")
    for site in model.dropout_sites:
        before = site.removesuffix("2") + "1"
        assert isinstance(model.get_submodule(before), nn.ReLU)


@pytest.mark.parametrize(
    ("activation", "by_hand"),
    [
        ("relu", lambda z: max(z, 0.0)),
        ("tanh", math.tanh),
        ("gelu", lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2)))),
        ("sine", math.sin),
    ],
)
def test_nonlinearities_by_hand(activation, by_hand):
    model = MLP(hidden=[1], activation=activation, image_shape=(1, 1, 1), num_classes=1, mean=(0.0,), std=(1.0,))
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (2.0, 0.5, 3.0, -1.0), strict=True):
            parameter.fill_(value)
    points = [-1.3, -0.25, 0.0, 0.7]
    found = model(torch.tensor(points).view(-1, 1, 1, 1)).flatten().tolist()
    assert found == pytest.approx([3 * by_hand(2 * x + 0.5) - 1 for x in points], abs=1e-6)
