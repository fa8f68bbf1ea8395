"""Adversarial training: a linear model's attack in closed form, the ball, and what the attack leaves alone."""

import pytest
import torch
from torch import nn

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError
from frequency_reg.experiment import build
from frequency_reg.model.mlp import MLP
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.adversarial_training import AdversarialTraining
from frequency_reg.regularizer.base import Composition, Regularizer
from frequency_reg.regularizer.dropout import Dropout

DATA = {"image_shape": (1, 4, 4), "num_classes": 3, "mean": (0.3,), "std": (0.4,)}


def madry(eps: float, steps: int = 7, factor: float = 1.75) -> AdversarialTraining:
    return AdversarialTraining(adversarial_training=eps, attack_steps=steps, attack_step_factor=factor)


def test_two_classes_of_a_linear_model_are_pushed_to_the_corner_that_the_weights_name():
    """The loss of class 0 against class 1 rises with (w_1 - w_0) x alone: its sign is the attack, from any start."""
    model = MLP(hidden=[1], activation="relu", image_shape=(1, 2, 2), num_classes=2, mean=(0.0,), std=(1.0,))
    model.hidden = nn.ModuleList()
    model.readout = nn.Linear(4, 2)
    model.readout.weight.data = torch.tensor([[1.0, -1.0, 2.0, 0.5], [0.0, 1.0, 3.0, -0.5]])
    images = torch.tensor([[0.5, 0.5, 0.5, 0.01]]).view(1, 1, 2, 2)
    rising = torch.tensor([-1.0, 1.0, 1.0, -1.0])
    for label, sign in ((0, 1), (1, -1)):
        found, labels = madry(25.5, factor=2.0).augment(model, images, torch.tensor([label]))
        expected = (images.flatten() + 0.1 * sign * rising).clamp(0, 1)
        assert torch.allclose(found.flatten(), expected, atol=1e-6)
        assert labels.tolist() == [label]


def test_attacked_images_lie_in_the_ball_and_cost_more():
    torch.manual_seed(0)
    model = ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA).eval()
    images, labels = torch.rand(16, 1, 4, 4), torch.arange(16) % 3
    before = images.clone()
    found, _ = madry(8.0).augment(model, images, labels)
    assert torch.equal(images, before)
    assert not found.requires_grad
    assert (found - images).abs().max() <= 8 / 255 + 1e-7
    assert found.min() >= 0
    assert found.max() <= 1
    with torch.no_grad():
        loss = [nn.functional.cross_entropy(model(x), labels, reduction="none") for x in (images, found)]
    assert bool((loss[1] > loss[0]).all())


def test_the_attack_leaves_statistics_modes_gradients_and_flags_as_they_were():
    torch.manual_seed(0)
    parts = {"dropout": Dropout(dropout=0.5), "adversarial_training": madry(8.0)}
    regularizer = Composition(parts)
    model = regularizer.prepare(ResNet20(width=2, kernel_size=3, shortcut="pad", **DATA)).train()
    model.readout.bias.requires_grad_(False)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    regularizer.augment(model, torch.rand(8, 1, 4, 4), torch.arange(8) % 3)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["readout.bias"]


def test_a_certain_soft_label_is_attacked_as_its_class():
    """A label that is certain is the same label, whether it is a class or the probabilities of all."""
    torch.manual_seed(0)
    model = MLP(hidden=[8], activation="relu", **DATA)
    images = torch.rand(4, 1, 4, 4)
    certain = torch.tensor([0, 1, 2, 0])
    torch.manual_seed(1)
    hard, _ = madry(8.0).augment(model, images, certain)
    torch.manual_seed(1)
    soft, labels = madry(8.0).augment(model, images, nn.functional.one_hot(certain, 3).float())
    assert torch.allclose(hard, soft)
    assert labels.shape == (4, 3)


def test_values_to_fit_are_refused():
    chosen = ["dataset=sinusoids", "model=mlp", "regularizer=adversarial_training", "corruption=[]", "probe=[]"]
    with pytest.raises(ConfigError, match="regularizer=adversarial_training: only for images with classes as labels"):
        build(make_plan(chosen, multirun=False).runs[0], "0")


def test_images_are_attacked_after_all_others_have_changed_them():
    """The update must see the worst image in its ball, not a change of it."""

    class Half(Regularizer):
        def augment(self, model, images, labels):  # noqa: ARG002
            return images / 2, labels

    torch.manual_seed(0)
    model = MLP(hidden=[8], activation="relu", **DATA)
    images, labels = torch.rand(8, 1, 4, 4), torch.arange(8) % 3
    composed = Composition({"adversarial_training": madry(8.0), "z": Half()})
    attacked, _ = composed.augment(model, images, labels)
    assert float((attacked - images / 2).abs().max()) == pytest.approx(8 / 255, abs=1e-6)
