"""Stochastic depth, or DropPath (Huang et al. 2016): whole residual branches are left out at random in training."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer, append_module

DropUnit = Literal["image", "batch"]


class DropPath(Regularizer):
    """Drops the l-th of L residual branches f with probability ``p l / L`` and scales a kept one by its inverse::

        x <- shortcut(x) + b_l f_l(x) / q_l        b_l ~ Bernoulli(q_l),    q_l = 1 - p l / L,    l = 1 .. L

    It acts at the model's ``residual_branches``: a residual network has one a block, a transformer's block two.

    Source: Huang, Sun, Liu, Sedra, Weinberger 2016, "Deep Networks with Stochastic Depth", equations 2 and 4, linear
    rule; their p is .5. Deviations: a kept branch is scaled in training instead of every branch in evaluation, so that
    nothing is to be done there; ``image`` drops for each image on its own (Larsson, Maire, Shakhnarovich 2017,
    "FractalNet", call it drop-path), ``batch`` for a whole mini-batch as the source does. A dropped branch is computed
    all the same and its batch norm sees it, so that training costs no less than without.

    Args:
        drop_path: p in [0, 1), the probability that the last branch is dropped; 0 equals ``regularizer=none`` bit for
            bit.
        drop_path_unit: what shares one draw: each ``image``, or the ``batch``.

    Raises:
        ValueError: from :meth:`prepare`, if the model has no residual branches.
    """

    def __init__(self, *, drop_path: Annotated[float, Ge(0), Lt(1)], drop_path_unit: DropUnit) -> None:
        self.drop_path = drop_path
        self.unit = drop_path_unit

    def prepare(self, model: Model) -> Model:
        """Put a :class:`DroppedBranch` at the end of every branch."""
        branches = model.residual_branches
        if not branches:
            raise ValueError(
                f"regularizer=drop_path: {type(model).__name__} names no residual_branches to drop; choose a residual "
                "model, such as model=resnet20 or model=vit"
            )
        if self.drop_path > 0:
            for place, name in enumerate(branches, start=1):
                probability = self.drop_path * place / len(branches)
                append_module(model, name, DroppedBranch(probability, self.unit))
        return model


class DroppedBranch(nn.Module):
    """In training 0 with a ``probability`` and otherwise the input / (1 - probability); else the input."""

    def __init__(self, probability: float, unit: DropUnit) -> None:
        super().__init__()
        self.probability = probability
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> the same shape."""
        if not self.training:
            return x
        draws = (len(x) if self.unit == "image" else 1, *[1] * (x.ndim - 1))
        kept = torch.rand(draws, device=x.device) >= self.probability
        return x * (kept / (1 - self.probability)).to(x.dtype)
