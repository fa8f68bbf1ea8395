"""Attacks and gradients, each against its definition."""

import math

import pytest
import torch

from frequency_reg.ball import Ball
from frequency_reg.diagnostic.attack import ascend, balls, check_balls, loss_gradient, met, projected_gradient
from tests.diagnostic.linear import Linear, ask, random_split, two_classes


def test_gradient_of_a_linear_softmax():
    """d loss / dx = sum_k (p_k - [k = y]) w_k, and no gradient is left on the weights."""
    generator = torch.Generator().manual_seed(0)
    model = Linear(torch.randn(3, 1, 2, 2, generator=generator), torch.zeros(3))
    pixels, labels = torch.rand(5, 1, 2, 2, generator=generator), torch.tensor([0, 1, 2, 1, 0])
    found = loss_gradient(ask(model, random_split(1, (1, 2, 2), 3)), pixels, labels)
    p = model(pixels).softmax(1) - torch.eye(3)[labels]
    torch.testing.assert_close(found, torch.einsum("nk,kchw->nchw", p, model.weight).detach(), rtol=1e-5, atol=1e-6)
    assert not pixels.requires_grad


def test_the_gradient_of_a_sure_image_is_not_lost():
    model = two_classes(torch.tensor([[[60.0]]]), 0.0)
    question = ask(model, random_split(1, (1, 1, 1), 2))
    assert loss_gradient(question, torch.full((1, 1, 1, 1), 0.6), torch.tensor([1])).item() < 0


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_ascent_on_a_linear_model_reaches_the_closed_form(norm, dual):
    """The margin y (w x + b) of two classes falls by exactly eps ||w||_dual where [0, 1] does not bind.

    On the sphere each l2 step of a eps shortens the way to the pole by 1 + a: steps of 10 eps / 40 leave e^-9 of it.
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 4, 4, generator=generator)
    model, ball = two_classes(weight, 0.1), Ball(norm, 0.05)
    pixels, labels = 0.3 + 0.4 * torch.rand(20, 1, 4, 4, generator=generator), torch.arange(20) % 2
    question = ask(model, random_split(1, (1, 4, 4), 2))
    for start, steps in ((pixels, 1), (ball.random(pixels, generator), 40)):
        step_size = 0.05 if steps == 1 else 10 * 0.05 / steps
        found = ascend(question, pixels, labels, ball, start=start, steps=steps, step_size=step_size)
        sign = 2 * labels - 1
        fall = sign * ((pixels - found) * weight).sum((1, 2, 3))
        expected = torch.full((20,), 0.05 * float(weight.flatten().norm(dual)))
        torch.testing.assert_close(fall, expected, rtol=1e-3, atol=1e-5)


def test_the_worst_restart_counts_for_each_image():
    """|x - .5| > .2 is class 1: which side a start falls to decides which images one restart breaks."""

    class Well(Linear):
        def logits(self, x):
            margin = 40 * ((x.flatten(1) - 0.5).abs().squeeze(1) - 0.2)
            return torch.stack([-margin, margin], 1)

    model = Well(torch.zeros(2, 1, 1, 1), torch.zeros(2))
    split = random_split(300, (1, 1, 1), 2)
    split = type(split)(split.images.clamp(128 - 8, 128 + 8), torch.zeros(300, dtype=torch.long))
    ball = Ball("linf", 0.2)
    accuracies, losses = [], []
    for restarts in (1, 2, 8):
        outcome = projected_gradient(ask(model, split), split, ball, steps=10, restarts=restarts, step_factor=2.5)
        accuracies.append(float(outcome.correct.double().mean()))
        losses.append(float(outcome.loss.mean()))
    assert accuracies[0] > accuracies[1] > accuracies[2]
    assert losses[0] < losses[1] < losses[2]
    assert 0.3 < accuracies[0] < 0.7
    assert accuracies[2] < 0.05


def test_attacked_images_are_never_better_than_clean_ones():
    split, model = random_split(50, (1, 4, 4), 2), two_classes(torch.randn(1, 4, 4), 0.0)
    question = ask(model, split)
    clean = met(question, split)
    attacked = projected_gradient(question, split, Ball("l2", 0.3), steps=3, restarts=1, step_factor=2.5)
    assert not (attacked.correct & ~clean.correct).any()
    assert (attacked.loss >= clean.loss).all()


def test_balls_of_a_diagnostics_parameters():
    assert balls([51.0], [0.5, 2.0]) == [Ball("linf", 0.2), Ball("l2", 0.5), Ball("l2", 2.0)]


@pytest.mark.parametrize(
    ("eps", "message"),
    [
        (
            {"linf": [], "l2": []},
            r"diagnostic.pgd.linf=\[\], diagnostic.pgd.l2=\[\]: nothing to attack; give an eps, "
            r"diagnostic.pgd.linf=\[8.0\]",
        ),
        ({"linf": []}, r"diagnostic.pgd.linf=\[\]: nothing to attack"),
        (
            {"linf": [8.0, 300.0], "l2": []},
            "diagnostic.pgd.linf: eps 300 is wider than the space of the images, which is 255 from black to white; "
            "choose a smaller one, in units of 1/255 of the pixels' range",
        ),
        ({"linf": [math.inf]}, "eps inf is wider"),
        (
            {"linf": [8.0], "l2": [8.0]},
            r"diagnostic.pgd.l2: eps 8 is wider .* 6.928 from black to white; .* units of pixels in \[0, 1\]",
        ),
    ],
)
def test_no_ball_and_one_beyond_all_images_are_refused(eps, message):
    """3 x 4 x 4 pixels from all 0 to all 1 are sqrt(48) = 6.928 apart."""
    with pytest.raises(ValueError, match=message):
        check_balls("pgd", (3, 4, 4), **eps)


def test_balls_up_to_all_images_are_taken():
    check_balls("pgd", (1, 4, 4), linf=[255.0], l2=[4.0])
    check_balls("pgd", (1, 4, 4), linf=[], l2=[0.5])
    check_balls("pgd", (1, 4, 4), linf=[1.0], l2=[])
