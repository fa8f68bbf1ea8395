"""Adversarial training (Madry et al. 2018): every batch is attacked by PGD before the update sees it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from torch.nn import functional as F

from frequency_reg.ball import Ball
from frequency_reg.diagnostic.base import at_rest
from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer


class AdversarialTraining(Regularizer):
    """Minimises the loss at the worst image that projected gradient ascent finds around each training image x::

        min_w  mean_(x, y)  max_{||x' - x||_inf <= eps, 0 <= x' <= 1}  loss(w; x', y)
        x_0 ~ U(ball)       x_{i+1} = project(x_i + a sign(grad loss(x_i, y)))        a = attack_step_factor eps / steps

    The gradient passes through everything in the model, its normalisation and learned masks included. The search is
    that of :mod:`frequency_reg.diagnostic.pgd`, with one random start.

    Source: Madry, Makelov, Schmidt, Tsipras, Vladu 2018, "Towards Deep Learning Models Resistant to Adversarial
    Attacks", section 2.1; eps 8, 7 steps of 2 / 255 for CIFAR-10, a factor of 1.75. Deviation: the attack meets the
    model in evaluation mode, so that batch norm's running statistics are those of the images trained on alone, and
    dropout or dropped branches do not blur the gradient; the update itself is in training mode. The attack computes in
    float32 whatever the run's precision.

    Cost: ``attack_steps`` forward passes and backward passes to the image (not to the weights) more for each update.
    The recorded training loss and accuracy are those of the attacked images. Together with other regularizers that
    change images, it attacks what they make.

    Args:
        adversarial_training: eps, in 1/255 of the pixels' range; 0 equals ``regularizer=none`` bit for bit.
        attack_steps: gradient steps.
        attack_step_factor: size of a step in units of eps / steps.
    """

    classes_only: ClassVar[bool] = True
    augments_last: ClassVar[bool] = True  # the worst of what the update would see, not a change of the worst

    def __init__(
        self,
        *,
        adversarial_training: Annotated[float, Ge(0), Le(255)],
        attack_steps: Annotated[int, Ge(1)],
        attack_step_factor: Annotated[float, Gt(0)],
    ) -> None:
        self.ball = Ball("linf", adversarial_training / 255)
        self.steps = attack_steps
        self.step_size = attack_step_factor * self.ball.eps / attack_steps

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The attacked images and the labels as they are."""
        if self.ball.eps == 0:
            return images, labels

        def gradient(attacked: Tensor) -> Tensor:
            given = attacked.detach().requires_grad_(True)
            logits = model(given.contiguous(memory_format=torch.channels_last))
            # In float64: in float32 the loss of an image that the model is sure of is 0 and has no gradient.
            truth = labels.double() if labels.is_floating_point() else labels
            loss = F.cross_entropy(logits.double(), truth, reduction="sum")
            return torch.autograd.grad(loss, given)[0]

        with at_rest(model):
            start = self.ball.random(images, torch.default_generator)
            attacked = self.ball.climb(gradient, images, start=start, steps=self.steps, step_size=self.step_size)
        return attacked, labels
