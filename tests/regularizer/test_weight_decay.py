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


GRADIENTS = torch.randn(30, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
RATES = [0.1 * 0.9**t for t in range(30)]


def weights_under(optimizer, decay, start: torch.Tensor, **options) -> list[torch.Tensor]:
    """Weights before the first and after each of 30 steps with the same gradients and falling learning rates.

    ``decay`` is our regularizer, or None where the optimizer has its own.
    """
    weight = torch.nn.Parameter(start.clone())
    model = torch.nn.Module()
    model.register_parameter("weight", weight)
    made, path = optimizer([weight], lr=0.1, **options), [start.clone()]
    for gradient, rate in zip(GRADIENTS, RATES, strict=True):
        weight.grad = gradient.clone()
        made.param_groups[0]["lr"] = rate
        made.step()
        if decay is not None:
            decay.after_step(model, rate)
        path.append(weight.detach().clone())
    return path


def test_adam_with_decoupled_decay_is_adamw_half_a_step_later():
    """AdamW decays, then updates; we update, then decay. So we take the same steps, and stop between the same two.

    With the same gradients, an AdamW whose decay lags by one step, eta_(t-1) lambda at step t, has our weights before
    each of our decays: ``w_t = (1 - eta_t lambda) v_t`` step for step.
    """
    start = torch.linspace(-2, 2, 4, dtype=torch.float64)
    ours = weights_under(torch.optim.Adam, WeightDecay(weight_decay=0.3, decoupled=True), start)
    shifted = [start]
    weight = torch.nn.Parameter(start.clone())
    adamw = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.3)
    for step, (gradient, rate) in enumerate(zip(GRADIENTS, RATES, strict=True)):
        # torch decays by this step's rate before updating: ours of the step before
        adamw.param_groups[0].update(lr=rate, weight_decay=0.3 * RATES[step - 1] / rate if step else 0.0)
        weight.grad = gradient.clone()
        adamw.step()
        shifted.append((1 - rate * 0.3) * weight.detach())
    for mine, theirs in zip(ours, shifted, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_adam_with_decoupled_decay_is_near_adamw_after_many_steps():
    """The bound is the sum over the steps of eta_t lambda times the length of the update; coupled decay is no AdamW."""
    start = torch.linspace(-2, 2, 4, dtype=torch.float64)
    adamw = weights_under(torch.optim.AdamW, None, start, weight_decay=0.3)
    ours = weights_under(torch.optim.Adam, WeightDecay(weight_decay=0.3, decoupled=True), start)
    undecayed = weights_under(torch.optim.Adam, None, start)
    bound = torch.zeros(4, dtype=torch.float64)
    for step, rate in enumerate(RATES):
        bound += rate * 0.3 * (undecayed[step + 1] - undecayed[step]).abs()
        assert bool(((ours[step + 1] - adamw[step + 1]).abs() <= bound + 1e-12).all())
    coupled = weights_under(torch.optim.Adam, None, start, weight_decay=0.3)
    assert float((coupled[-1] - adamw[-1]).abs().max()) > 5 * float((ours[-1] - adamw[-1]).abs().max())


def test_strength_zero_sets_no_option():
    model = torch.nn.Linear(1, 1)
    assert WeightDecay(weight_decay=0.0, decoupled=False).parameter_groups(model) == []


def test_all_parameters_are_decayed_biases_and_batch_norm_too():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    (group,) = WeightDecay(weight_decay=0.1, decoupled=False).parameter_groups(model)
    assert len(group["params"]) == 4
