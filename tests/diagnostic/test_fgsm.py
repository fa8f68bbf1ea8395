"""FGSM on a linear model: an image falls if its margin is below eps times the sum of the weights' sizes."""

import pytest
import torch

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.fgsm import FGSM
from tests.diagnostic.linear import ask, table, two_classes


def test_accuracy_and_loss_are_those_of_the_shifted_margins():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 4, 4, generator=generator)
    images = torch.randint(60, 196, (200, 1, 4, 4), generator=generator, dtype=torch.uint8)  # eps 8 never clips
    scores = (images.float() / 255 * weight).sum((1, 2, 3))
    labels = (scores > 0).long()
    labels[:20] = 1 - labels[:20]  # misclassified to begin with
    rows = table(FGSM(linf=[2.0, 8.0], images=None), ask(two_classes(weight, 0.0), Split(images, labels)), "attacks")
    margin = (2 * labels - 1) * scores
    assert [(row["eps"], row["steps"], row["restarts"]) for row in rows] == [
        (0, 0, 0),
        (2 / 255, 1, 1),
        (8 / 255, 1, 1),
    ]
    for row in rows:
        left = margin - row["eps"] * weight.abs().sum()
        assert row["accuracy"] == pytest.approx(float((left > 0).double().mean()))
        assert row["loss"] == pytest.approx(float(torch.nn.functional.softplus(-left).mean()), rel=1e-4)
        assert (row["attack"], row["norm"], row["n"]) == ("fgsm", "linf", 200)
    assert rows[0]["accuracy"] == 0.9
    assert rows[0]["accuracy"] > rows[1]["accuracy"] > rows[2]["accuracy"]
