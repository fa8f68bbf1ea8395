"""No regularizer: the baseline every other one is compared with."""

from __future__ import annotations

from frequency_reg.regularizer.base import Regularizer


class NoRegularizer(Regularizer):
    """Every hook keeps its default."""
