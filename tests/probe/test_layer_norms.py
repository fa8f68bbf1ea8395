"""Spectral norms of layers whose singular values are known, and their product."""

import pytest
import torch
from torch import nn

from frequency_reg.model.lenet import LeNet
from frequency_reg.probe.layer_norms import LayerNorms


def network():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.0, 4.0], [0.0, 0.0], [1.0, 0.0]]))  # singular values 4, 1
        model[2].weight.copy_(torch.tensor([[0.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))  # .5, 0; all eigenvalues 0
        model[4].weight.copy_(torch.tensor([[3.0, 4.0]]))  # 5
        for i, bias in ((0, -9.0), (2, 0.25), (4, 1.0)):
            model[i].bias.fill_(bias)
    return model


def test_norms_product_and_largest_parameter_by_hand():
    ((table, rows),) = LayerNorms(every=1, start_seed=0).measure(network(), 2)
    assert (table, rows["epoch"]) == ("layer_norms", 2)
    assert (rows["layer"], rows["depth"]) == (["0", "2", "4"], [0, 1, 2])
    assert rows["spectral_norm"] == pytest.approx([4, 0.5, 5])
    assert rows["product"] == pytest.approx([4, 2, 10])
    assert rows["largest_parameter"] == pytest.approx([9, 0.5, 4])


def test_it_follows_weights_that_change_from_where_it_was():
    made, model = LayerNorms(every=1, start_seed=0), nn.Sequential(nn.Linear(40, 30))
    generator = torch.Generator().manual_seed(5)
    for _ in range(3):
        with torch.no_grad():
            model[0].weight.normal_(generator=generator)
        ((_, rows),) = made.measure(model, 0)
        values = torch.linalg.svdvals(model[0].weight.detach())
        assert rows["spectral_norm"][0] == pytest.approx(float(values[0]), rel=1e-5)
    assert set(made.state_dict()) == {"0"}


def test_convolutions_are_left_out():
    model = LeNet(kernel_size=5, padding=2, width=1.0, image_shape=(1, 28, 28), num_classes=10, mean=(0.3,), std=(0.4,))
    made = LayerNorms(every=2, start_seed=0)
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    ((_, rows),) = made.measure(model, 4)
    assert rows["layer"] == linear
    assert not list(made.measure(nn.Sequential(nn.Conv2d(1, 1, 3)), 0))
