"""Weights as functions: values against torch, the norms' product against a gradient."""

import numpy as np
import pytest
import torch

from frequency_reg.spectrum.relu_network import check, norm_product, values


def test_values_are_those_of_torch():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)
    ).double()
    layers = [(m.weight.detach().numpy(), m.bias.detach().numpy()) for m in network if isinstance(m, torch.nn.Linear)]
    points = torch.rand(7, 2, dtype=torch.float64)
    assert values(layers, points.numpy()) == pytest.approx(network(points)[:, 0].detach().numpy(), abs=1e-12)


def test_the_product_of_norms_of_known_layers():
    # Singular values 3 and 1; (3, 4) has norm 5.
    layers = [(np.diag([3.0, 1.0]), np.zeros(2)), (np.array([[3.0, 4.0]]), np.zeros(1))]
    assert norm_product(layers) == pytest.approx(15)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"from 1 input\(s\) to 1 output, got \(3, 2\), \(1, 3\)"):
        check([(np.zeros((3, 2)), np.zeros(3)), (np.zeros((1, 3)), np.zeros(1))], 1)
    with pytest.raises(ValueError, match="got none"):
        check([], 1)
