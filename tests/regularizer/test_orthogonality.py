"""The orthogonality penalty by hand, by loops over shifts, and at orthogonal weights."""

import itertools

import pytest
import torch
from torch import nn

from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.orthogonality import Orthogonality, correlation_distance, gram_distance

DATA = {"image_shape": (2, 6, 6), "num_classes": 5, "mean": (0.3,) * 2, "std": (0.4,) * 2}


def test_a_matrix_by_hand():
    # rows (1, 2) and (0, 1): W W^T - I = [[4, 2], [2, 0]]
    assert gram_distance(torch.tensor([[1.0, 2.0], [0.0, 1.0]])).item() == 16 + 4 + 4


def test_a_tall_matrix_differs_from_its_rows_by_a_constant():
    torch.manual_seed(0)
    tall = torch.randn(7, 3, dtype=torch.float64)
    rows = (tall @ tall.T - torch.eye(7, dtype=torch.float64)).square().sum()
    assert float(gram_distance(tall)) == pytest.approx(float(rows) - (7 - 3))


def test_orthogonal_matrices_cost_nothing():
    torch.manual_seed(0)
    for shape in ((3, 8), (8, 3)):
        assert gram_distance(nn.init.orthogonal_(torch.empty(shape))).item() == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("stride", [1, 2])
def test_correlations_are_those_of_loops_over_shifts(stride):
    torch.manual_seed(0)
    weight = torch.randn(2, 3, 3, 3, dtype=torch.float64)
    expected = 0.0
    for i, j, down, right in itertools.product(range(2), range(2), range(-2, 3), range(-2, 3)):
        if down % stride or right % stride:
            continue
        product = 0.0
        for c, y, x in itertools.product(range(3), range(3), range(3)):
            if 0 <= y + down < 3 and 0 <= x + right < 3:
                product += float(weight[i, c, y, x] * weight[j, c, y + down, x + right])
        expected += (product - (i == j and down == right == 0)) ** 2
    assert float(correlation_distance(weight, stride)) == pytest.approx(expected)


def test_an_orthogonal_matrix_need_not_be_an_orthogonal_convolution():
    """Filters with one tap each, at neighbouring places: shifted by one pixel they are the same."""
    weight = torch.zeros(2, 1, 3, 3)
    weight[0, 0, 1, 1] = weight[1, 0, 1, 2] = 1
    assert gram_distance(weight.flatten(1)).item() == 0
    assert correlation_distance(weight, 1).item() == 2


def test_penalty_is_the_sum_over_layers_and_its_gradient_that_of_the_formula():
    torch.manual_seed(0)
    model = MLP(hidden=[4], activation="relu", **DATA)
    regularizer = Orthogonality(orthogonality=0.1, orthogonality_of="matrix")
    penalty = regularizer.penalty(model)
    weights = [model.get_parameter("hidden.0.0.weight"), model.get_parameter("readout.weight")]
    by_hand = sum(float(gram_distance(w.detach())) for w in weights)
    assert penalty.item() == pytest.approx(0.1 * by_hand, rel=1e-6)
    for weight, gradient in zip(weights, torch.autograd.grad(penalty, weights), strict=True):
        w = weight.detach()
        assert torch.allclose(gradient, 0.4 * (w @ w.T - torch.eye(len(w))) @ w, atol=1e-6)


def test_descent_makes_every_layer_more_orthogonal():
    torch.manual_seed(0)
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA)
    regularizer = Orthogonality(orthogonality=0.02, orthogonality_of="convolution")
    before = {name: value for name, _, value in regularizer.report(model)}
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    for _ in range(20):
        gradients = torch.autograd.grad(regularizer.penalty(model), weights)
        with torch.no_grad():
            torch._foreach_sub_(weights, gradients, alpha=3.0)
    after = {name: value for name, _, value in regularizer.report(model)}
    assert len(after) == 20
    assert all(after[name] < 0.7 * before[name] for name in after)
