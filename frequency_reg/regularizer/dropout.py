"""Dropout (Srivastava et al. 2014) between the two weight layers of each block."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Lt
from torch import nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer, append_module


class Dropout(Regularizer):
    """Zeroes each activation with probability p in training and scales the others by 1 / (1 - p).

    It stands at the model's ``dropout_sites``: in a residual block between the two convolutions, after the ReLU, as in
    Zagoruyko and Komodakis 2016 (wide ResNet) and arXiv 2512.22192.

    Args:
        dropout: p in [0, 1); 0 equals ``regularizer=none`` bit for bit.

    Raises:
        ValueError: from :meth:`prepare`, if the model has no place for dropout.
    """

    def __init__(self, *, dropout: Annotated[float, Ge(0), Lt(1)]) -> None:
        self.dropout = dropout

    def prepare(self, model: Model) -> Model:
        """Put ``nn.Dropout`` at every site."""
        if not model.dropout_sites:
            raise ValueError(f"regularizer=dropout: {type(model).__name__} names no dropout_sites")
        if self.dropout > 0:
            for name in model.dropout_sites:
                append_module(model, name, nn.Dropout(self.dropout))
        return model
