"""MLP: parameters counted by hand, dropout sites after every hidden ReLU."""

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
