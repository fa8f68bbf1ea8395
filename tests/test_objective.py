"""Losses and hits, written out."""

import math

import pytest
import torch

from frequency_reg.objective import hits, loss_sum, mean_loss


def test_classes():
    logits, labels = torch.tensor([[0.0, 0.0], [math.log(3), 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 0])
    by_hand = [math.log(2), math.log(4 / 3), math.log(1 + math.e)]
    assert mean_loss(logits, labels).item() == pytest.approx(sum(by_hand) / 3)
    assert loss_sum(logits, labels).item() == pytest.approx(sum(by_hand))
    assert hits(logits, labels).item() == 2


def test_soft_labels_are_probabilities_of_classes():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    labels = torch.tensor([[0.9, 0.1], [0.25, 0.75]])
    second = -0.25 * math.log(3 / 4) - 0.75 * math.log(1 / 4)
    assert mean_loss(logits, labels, soft=True).item() == pytest.approx((math.log(2) + second) / 2)
    assert hits(logits, labels, soft=True).item() == 1


def test_values():
    outputs, labels = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    assert mean_loss(outputs, labels).item() == pytest.approx((1 + 4 + 9) / 4)
    assert loss_sum(outputs, labels).item() == pytest.approx((1 + 4 + 9) / 2)
    assert hits(outputs, labels).item() == 0
