"""What every diagnostic leans on: a model at rest, seeded generators, losses that do not vanish."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from frequency_reg.diagnostic.base import at_rest
from tests.diagnostic.linear import ask, random_split, two_classes


def test_at_rest_puts_modes_and_gradients_back_even_after_a_failure():
    model = nn.Sequential(nn.Dropout(), nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.train()
    model[0].eval()
    model[1].bias.requires_grad_(False)

    def state():
        return [m.training for m in model.modules()], [p.requires_grad for p in model.parameters()]

    def fail_at_rest():
        with at_rest(model):
            assert not any(m.training for m in model.modules())
            assert not any(p.requires_grad for p in model.parameters())
            raise RuntimeError("stop")

    before = state()
    with pytest.raises(RuntimeError, match="stop"):
        fail_at_rest()
    assert state() == before


def test_generators_depend_on_the_seed_and_the_names_alone():
    split = random_split(2, (1, 2, 2), 2)
    model = two_classes(torch.ones(1, 2, 2), 0.0)
    draws = [
        torch.rand(1, generator=ask(model, split, seed=seed).generator(*names)).item()
        for seed, names in ((0, ("a", 1)), (0, ("a", 1)), (1, ("a", 1)), (0, ("a", 2)))
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_the_loss_of_a_sure_image_keeps_its_size():
    """Margin 30: loss log(1 + e^-30), about 1e-13, which float32 would round to 0."""
    model = two_classes(torch.tensor([[[30.0]]]), 0.0)
    correct, loss = ask(model, random_split(1, (1, 1, 1), 2)).outcomes(torch.ones(1, 1, 1, 1), torch.tensor([1]))
    assert correct.tolist() == [True]
    assert loss.item() == pytest.approx(9.357622968840175e-14, rel=1e-2, abs=0)


@pytest.mark.parametrize(("precision", "expected"), [(torch.float32, 0.5 + 2**-10), (torch.bfloat16, 0.5)])
def test_logits_are_computed_in_the_precision_and_handed_out_as_float32(precision, expected):
    """.5 + 2^-10 lies between two numbers of bfloat16, which are 2^-8 apart there; the gradient passes either way."""
    model = two_classes(torch.tensor([[[1 + 2**-9, 0.0]]]), 0.0)
    question = replace(ask(model, random_split(1, (1, 1, 2), 2)), precision=precision)
    pixels = torch.ones(1, 1, 1, 2, requires_grad=True)
    logits = question.logits(pixels)
    assert logits.dtype == torch.float32
    assert logits.tolist() == [[-expected, expected]]
    (gradient,) = torch.autograd.grad(logits[0, 1], pixels)
    assert gradient.flatten().tolist() == [expected, 0]
