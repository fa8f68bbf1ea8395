"""What is minimised and what is counted: for labels that are classes, and for labels that are values to fit.

Integer labels (N,) are classes of logits (N, classes): cross-entropy in nat. Floating labels (N, outputs) are values:
the squared error, its mean over the outputs, in squared units of the values. Only in training a classifier may have
``soft`` labels, floating too: the probability (N, classes) of each class, as a regularizer hands them out.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def mean_loss(outputs: Tensor, labels: Tensor, *, soft: bool = False) -> Tensor:
    """Mean cross-entropy (nat) of logits (N, classes) under int labels (N,), or mean squared error of (N, outputs).

    Under ``soft`` labels q the cross-entropy is ``-sum_c q_c log p_c``: not below the entropy of q, so never 0.
    """
    if labels.is_floating_point() and not soft:
        return F.mse_loss(outputs, labels)
    return F.cross_entropy(outputs, labels)


def hits(outputs: Tensor, labels: Tensor, *, soft: bool = False) -> Tensor:
    """How many of the logits (N, classes) are largest at the label, if ``soft`` at the likeliest; 0 for values."""
    if soft:
        labels = labels.argmax(1)
    if labels.is_floating_point():
        return labels.new_zeros(())
    return (outputs.argmax(1) == labels).sum()


def loss_sum(outputs: Tensor, labels: Tensor) -> Tensor:
    """Sum over the examples of what :func:`mean_loss` averages."""
    if labels.is_floating_point():
        return F.mse_loss(outputs, labels, reduction="sum") / labels.shape[1]
    return F.cross_entropy(outputs, labels, reduction="sum")
