"""The baseline does nothing at all."""

import torch

from frequency_reg.regularizer.none import NoRegularizer


def test_every_hook_keeps_its_default():
    model = torch.nn.Linear(2, 2)
    images, labels = torch.rand(1), torch.tensor([1])
    none = NoRegularizer()
    assert none.prepare(model) is model
    assert list(none.parameter_groups(model)) == []
    assert none.augment(model, images, labels) == (images, labels)
    assert none.penalty(model) is None
    before = model.weight.clone()
    none.after_step(model, 1.0)
    assert torch.equal(model.weight, before)
    assert list(none.report(model)) == []
