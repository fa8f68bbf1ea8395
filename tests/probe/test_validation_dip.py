"""The validation error's minimum and its ratio, of a model whose error is set."""

import pytest
import torch
from torch import nn

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.probe.validation_dip import ValidationDip
from tests.probe.functions import CLASSES

NOISY = Split(torch.zeros(3, 1, 1, 1), torch.full((3, 1), 9.0))
CLEAN = Split(torch.zeros(2500, 1, 1, 1), torch.full((2500, 1), 1.0))
DATA = ImageData(NOISY, CLEAN, NOISY, (), (0.0,), (1.0,), "0" * 64)


class Constant(nn.Module):
    value = 0.0

    def forward(self, images):
        assert not self.training
        return torch.full((len(images), 1), self.value)


def measured(made, values, first=0):
    model = Constant().train()
    for epoch, value in enumerate(values, first):
        model.value = value
        if made.due(epoch):
            yield from (rows for _, rows in made.measure(model, epoch))
    assert model.training


def probe(every=1):
    made = ValidationDip(every=every)
    made.prepare(DATA)
    return made


def test_the_ratio_is_that_of_the_smallest_error_so_far():
    # Against the clean label 1: errors 1, .25, .01, .25, .04.
    rows = list(measured(probe(), [0.0, 0.5, 0.9, 1.5, 1.2]))
    assert [row["validation_loss"] for row in rows] == pytest.approx([1, 0.25, 0.01, 0.25, 0.04], rel=1e-5)
    assert [row["minimum"] for row in rows] == pytest.approx([1, 0.25, 0.01, 0.01, 0.01], rel=1e-5)
    assert [row["minimum_epoch"] for row in rows] == [0, 1, 2, 2, 2]
    assert [row["dip_ratio"] for row in rows] == pytest.approx([1, 1, 1, 0.04, 0.25], rel=1e-5)


def test_every_counts_measured_epochs_only_and_a_perfect_fit_has_no_ratio():
    rows = list(measured(probe(every=2), [0.0, 1.0, 0.5, 0.5, 1.0]))
    assert [row["epoch"] for row in rows] == [0, 2, 4]
    assert rows[1]["minimum_epoch"] == 2
    assert rows[2]["dip_ratio"] is None


def test_a_resumed_probe_knows_the_minimum():
    first, second = probe(), probe()
    list(measured(first, [0.0, 0.9, 0.5]))
    second.load_state_dict(first.state_dict())
    (row,) = measured(second, [0.8], first=3)
    assert (row["minimum_epoch"], row["dip_ratio"]) == (1, pytest.approx(0.25, rel=1e-4))


def test_classes_are_refused():
    with pytest.raises(ValueError, match="probe=validation_dip measures squared errors of values to fit"):
        ValidationDip(every=1).prepare(CLASSES)
