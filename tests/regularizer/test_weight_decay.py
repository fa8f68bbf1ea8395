"""Weight decay by hand: the coupled and the decoupled update."""

import torch

from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.weight_decay import WeightDecay


def step(weight_decay: float, *, decoupled: bool, optimizer=torch.optim.SGD, **options) -> float:
    """One update of a single weight 2.0 with gradient 0.5 and learning rate 0.1."""
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(model.weight, 2.0)
    regularizer = Composition({"weight_decay": WeightDecay(weight_decay=weight_decay, decoupled=decoupled)})
    model = regularizer.prepare(model)
    sgd = optimizer(regularizer.parameter_groups(model), lr=0.1, **options)
    model.weight.grad = torch.tensor([[0.5]])
    sgd.step()
    regularizer.after_step(model, 0.1)
    return float(model.weight.detach())


def test_coupled_decay_is_added_to_the_gradient():
    assert abs(step(0.01, decoupled=False) - (2.0 - 0.1 * (0.5 + 0.01 * 2.0))) < 1e-6


def test_decoupled_decay_multiplies_the_updated_weight():
    assert abs(step(0.01, decoupled=True) - (2.0 - 0.1 * 0.5) * (1 - 0.1 * 0.01)) < 1e-6


def test_decoupled_with_adam_is_near_adamw():
    ours = step(0.01, decoupled=True, optimizer=torch.optim.Adam)
    adamw = step(0.0, decoupled=False, optimizer=lambda p, lr: torch.optim.AdamW(p, lr=lr, weight_decay=0.01))
    assert abs(ours - adamw) < 0.1 * 0.01 * 0.1 * 1.1  # they differ by lr * lambda * the size of the update


def test_strength_zero_sets_no_option():
    model = torch.nn.Linear(1, 1)
    assert WeightDecay(weight_decay=0.0, decoupled=False).parameter_groups(model) == []


def test_all_parameters_are_decayed_biases_and_batch_norm_too():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    (group,) = WeightDecay(weight_decay=0.1, decoupled=False).parameter_groups(model)
    assert len(group["params"]) == 4
