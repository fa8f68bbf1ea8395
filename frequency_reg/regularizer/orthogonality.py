"""Soft orthogonality (Bansal et al. 2018): a penalty on the distance of every layer's Gram matrix from the identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer
from frequency_reg.regularizer.weight_layers import weight_layers

OrthogonalityOf = Literal["matrix", "convolution"]


class Orthogonality(Regularizer):
    """Adds, summed over all convolutions and fully connected layers W::

        matrix         lambda || W W^T - I ||_F^2                      W reshaped to (out, in k k)
        convolution    lambda || conv(W, W) - I_0 ||_F^2               the correlations of filters at all shifts

    ``matrix`` is the "soft orthogonality" of Bansal, Chen, Wang 2018, "Can We Gain More from Orthogonality
    Regularizations in Training Deep CNNs?", section 3.1, with the reshaped weight. Where a matrix has more rows than
    columns its columns are meant instead, ``||W^T W - I||_F^2``: both differ by the constant (rows - columns) alone, so
    that the smaller Gram matrix is formed. Deviation: lambda stays constant; the source lowers it over the epochs.

    The reshaped matrix may be orthogonal and the convolution not. ``convolution`` is the condition for the layer
    itself, Wang, Chen, Chakraborty, Yu 2020, "Orthogonal Convolutional Neural Networks" (for rows): filters are
    uncorrelated at every shift that the stride s allows, ``conv(W, W)[i, j, d] = sum_c sum_x W_i,c(x) W_j,c(x + s d)``,
    but each with itself at d = 0, where it is 1. For fully connected layers and 1 x 1 kernels both are the same up to a
    constant. Zero padding is left aside, as in the source. Its cost grows with (2 k - 1)^2.

    The masks of other regularizers are not touched. Before a norm layer
    the penalty keeps a filter's length at 1, which the norm undoes; what counts there is the angle between filters.

    Args:
        orthogonality: lambda; 0 equals ``regularizer=none`` bit for bit.
        orthogonality_of: ``matrix`` or ``convolution``.

    Reports per layer ``orthogonality_distance``, the norm that is squared above (of the smaller Gram matrix).
    """

    def __init__(self, *, orthogonality: Annotated[float, Ge(0), Le(100)], orthogonality_of: OrthogonalityOf) -> None:
        self.strength = orthogonality
        self.of = orthogonality_of

    def penalty(self, model: Model) -> Tensor | None:
        """See the class's formula."""
        if self.strength == 0:
            return None
        return self.strength * torch.stack([self._square(model, name) for name in weight_layers(model)]).sum()

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """The distance of every layer."""
        for name in weight_layers(model):
            yield name, "orthogonality_distance", float(self._square(model, name).detach().sqrt())

    def _square(self, model: Model, name: str) -> Tensor:
        module = model.get_submodule(name)
        weight: Tensor = module.weight  # type: ignore[assignment]
        if self.of == "convolution" and isinstance(module, nn.Conv2d):
            return correlation_distance(weight, module.stride[0])
        return gram_distance(weight.flatten(1))


def gram_distance(matrix: Tensor) -> Tensor:
    """``||G - I||_F^2`` of the smaller Gram matrix G of a matrix (rows, columns)."""
    rows, columns = matrix.shape
    gram = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    return (gram - torch.eye(len(gram), device=gram.device)).square().sum()


def correlation_distance(weight: Tensor, stride: int) -> Tensor:
    """``||conv(W, W) - I_0||_F^2`` of filters (out, in, k, k), over the shifts that are multiples of ``stride``."""
    k = weight.shape[-1]
    shifts = (k - 1) // stride
    # As a product of matrices: oneDNN needs 18 ms for such a convolution, however small.
    shifted = F.unfold(weight, k, stride=stride, padding=shifts * stride)
    correlation = weight.flatten(1) @ shifted
    none = shifted.shape[-1] // 2
    aim = torch.zeros_like(correlation)
    aim[..., none] = torch.eye(len(weight), device=weight.device)
    return (correlation - aim).square().sum()
