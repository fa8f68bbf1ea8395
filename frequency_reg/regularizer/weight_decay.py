"""Weight decay on all parameters, coupled to the gradient or decoupled from it."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Lt

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import ParameterGroup, Regularizer, network_parameters


class WeightDecay(Regularizer):
    """Shrinks every parameter of the network (weights, biases, batch norm; no masks) in each step.

    Coupled (the default, what SGD's ``weight_decay`` does; "L2" in arXiv 2512.22192)::

        g <- g + lambda * w        before momentum, so the decay passes through the optimizer

    Decoupled (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization")::

        w <- w * (1 - lr * lambda)         outside of the optimizer

    Deviation: the decoupled decay acts on the updated weights instead of the previous ones, a difference of second
    order in the learning rate.

    Args:
        weight_decay: lambda >= 0; 0 equals ``regularizer=none`` bit for bit.
        decoupled: which of the two.
    """

    def __init__(self, *, weight_decay: Annotated[float, Ge(0), Lt(1)], decoupled: bool) -> None:
        self.weight_decay = weight_decay
        self.decoupled = decoupled

    def parameter_groups(self, model: Model) -> list[ParameterGroup]:
        """All parameters with ``weight_decay`` when coupled; nothing when decoupled or at strength 0."""
        if self.decoupled or self.weight_decay == 0:
            return []
        return [{"params": network_parameters(model), "weight_decay": self.weight_decay}]

    def after_step(self, model: Model, learning_rate: float) -> None:
        """The decoupled decay."""
        if self.decoupled and self.weight_decay > 0:
            with torch.no_grad():
                torch._foreach_mul_([*network_parameters(model)], 1 - learning_rate * self.weight_decay)
