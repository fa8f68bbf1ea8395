"""Label smoothing: the soft labels by hand, their loss as torch has it, and no smoothing of values to fit."""

import pytest
import torch
from torch.nn import functional as F

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError
from frequency_reg.experiment import build
from frequency_reg.model.mlp import MLP
from frequency_reg.objective import mean_loss
from frequency_reg.regularizer.label_smoothing import LabelSmoothing

MODEL = MLP(hidden=[4], activation="relu", image_shape=(1, 4, 4), num_classes=4, mean=(0.5,), std=(0.2,))
IMAGES = torch.rand(3, 1, 4, 4)


def test_the_label_keeps_most_and_every_class_gets_an_equal_part():
    images, labels = LabelSmoothing(label_smoothing=0.2).augment(MODEL, IMAGES, torch.tensor([2, 0, 3]))
    assert images is IMAGES
    by_hand = [[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05], [0.05, 0.05, 0.05, 0.85]]
    assert torch.allclose(labels, torch.tensor(by_hand))


def test_soft_labels_are_mixed_with_the_uniform_ones():
    _, labels = LabelSmoothing(label_smoothing=0.5).augment(MODEL, IMAGES[:1], torch.tensor([[0.6, 0.4, 0.0, 0.0]]))
    assert torch.allclose(labels, torch.tensor([[0.425, 0.325, 0.125, 0.125]]))


def test_the_loss_is_that_of_torch():
    labels, logits = torch.tensor([2, 0, 3]), torch.randn(3, 4)
    _, soft = LabelSmoothing(label_smoothing=0.3).augment(MODEL, IMAGES, labels)
    expected = F.cross_entropy(logits, labels, label_smoothing=0.3)
    assert mean_loss(logits, soft, soft=True).item() == pytest.approx(expected.item(), rel=1e-6)


def test_values_to_fit_are_refused():
    config = make_plan(
        ["dataset=sinusoids", "model=mlp", "regularizer=label_smoothing", "corruption=[]", "probe=[]"], multirun=False
    ).runs[0]
    with pytest.raises(ConfigError) as error:
        build(config, "0")
    assert str(error.value) == (
        "regularizer=label_smoothing: only for images with classes as labels, and this data set has values to fit; "
        "choose another, such as regularizer=weight_decay"
    )
