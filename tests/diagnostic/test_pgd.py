"""PGD on a linear model reaches what is possible in each ball."""

import pytest
import torch

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.pgd import PGD
from tests.diagnostic.linear import ask, table, two_classes


def test_accuracy_is_that_of_the_closed_form_in_both_norms():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 4, 4, generator=generator)
    images = torch.randint(80, 176, (200, 1, 4, 4), generator=generator, dtype=torch.uint8)
    scores = (images.float() / 255 * weight).sum((1, 2, 3))
    labels = (scores > 0).long()
    diagnostic = PGD(linf=[4.0], l2=[0.1, 0.2], steps=40, step_factor=10.0, restarts=1, images=None)
    rows = table(diagnostic, ask(two_classes(weight, 0.0), Split(images, labels)), "attacks")
    found = [(row["norm"], row["eps"], row["steps"], row["restarts"]) for row in rows]
    assert found == [
        ("linf", 0, 0, 0),
        ("l2", 0, 0, 0),
        ("linf", 4 / 255, 40, 1),
        ("l2", 0.1, 40, 1),
        ("l2", 0.2, 40, 1),
    ]
    for row in rows:
        dual = 1 if row["norm"] == "linf" else 2
        left = scores.abs() - row["eps"] * weight.flatten().norm(dual)
        assert row["accuracy"] == pytest.approx(float((left > 0).double().mean()), abs=0.005)
        assert row["loss"] == pytest.approx(float(torch.nn.functional.softplus(-left).mean()), rel=1e-3)


def test_learned_masks_are_attacked_through():
    """The gradient passes the masked layer's DFT: PGD does better than as many random points."""
    from frequency_reg.ball import Ball
    from frequency_reg.diagnostic.attack import met, projected_gradient
    from frequency_reg.model.lenet import LeNet
    from frequency_reg.regularizer.spectral_mask import SpectralMask

    torch.manual_seed(0)
    model = LeNet(kernel_size=3, padding=1, width=1.0, image_shape=(1, 8, 8), num_classes=4, mean=(0.5,), std=(0.3,))
    options = {"mask_shape": "per_channel", "convolution": "linear", "mask_values": "binary", "mask_gradient": "binary"}
    SpectralMask(**options, init_mean=0.6, init_sd=0.3, random_drop=0.0).prepare(model).eval()
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    split = Split(images, model(images / 255).argmax(1))
    question, ball = ask(model, split), Ball("linf", 8 / 255)
    clean = met(question, split).loss
    attacked = projected_gradient(question, split, ball, steps=10, restarts=1, step_factor=2.5).loss
    points = ball.random(images / 255, torch.Generator().manual_seed(0))
    random = met(question, split, lambda _pixels, _labels, places: points[places]).loss
    assert (attacked - clean).mean() > 5 * (random - clean).abs().mean()
