"""Decay of kernels that grows with frequency (Lukasik et al. 2023, "Improving Native CNN Robustness with Filter
Frequency Regularization", TMLR): a penalty on the coefficients of each kernel in the basis of the DCT-II.

The basis images of a k x k kernel and its coefficients in them::

    b_ij(m, n) = g_i(m) g_j(n)      g_i(m) = cos(pi / k * i * (m + 1/2))      i, j = 0 .. k - 1, half cycles a kernel
    w          = sum_ij c_ij b_ij / s_ij

with the scale s_ij one of

    orthonormal    ||b_ij||_2       c = scipy.fft.dctn(w, type=2, norm="ortho")
    unit_sum       ||b_ij||_1       basis images whose absolute values sum to 1

The cosines are orthogonal, so the two coefficients differ by the factor ``||b_ij||_1 / ||b_ij||_2`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer
from frequency_reg.regularizer.convolution_kernels import kernel_rows, spatial_convolutions, weights_by_size

CoefficientNorm = Literal["squared", "plain"]
DctScale = Literal["orthonormal", "unit_sum"]
FrequencyWeight = Literal["squared_radius", "highest"]
DecayedLayers = Literal["all", "first_third"]


class FrequencyWeightedDecay(Regularizer):
    """Adds to the loss, with c_ij the vector of one coefficient over all out * in kernels of a layer::

        lambda  sum over layers  sum_ij  a_ij ||c_ij||^2          a_ij = i^2 + j^2

    DC is free. At 3 x 3 the pull on a coefficient, 2 lambda a_ij c_ij, is that of coupled weight decay at 2 to 16
    lambda, on the mean over the 9 coefficients 6.7 lambda; at 5 x 5 24 lambda and at 7 x 7 52 lambda, as i counts half
    cycles per kernel, not per sample.

    The defaults of the authors' code (jovitalukasik/filter_freq_reg) depart from this formula, or settle what it leaves
    open; each of their choices is an option here:

    ==================== =========================== ===============================================================
    parameter            here                        in the authors' code
    ==================== =========================== ===============================================================
    coefficient_norm     ``squared``: ||c_ij||^2     ``plain``: ||c_ij||, which drives whole frequencies to 0
    dct_scale            ``orthonormal``             ``unit_sum``
    frequency_weight     ``squared_radius``          ``highest``: a_ij = max(i, j) above k // 2, 0 below
    decayed_layers       ``all`` above 1 x 1         ``first_third``: the first L // 3 + 1 of these L layers
    lambda               see the YAML                .01, with AdamW
    ==================== =========================== ===============================================================

    Deviations: the weights stay the trained parameters, where the authors train c_ij itself (the same under SGD for
    the orthonormal scale, up to the draw of the initial values); with ``squared_radius`` their 5 x 5 kernels leave
    (0, 1), (1, 0) and (1, 1) free too; their penalties on differences of coefficients are left out.

    Args:
        frequency_weighted_decay: lambda; 0 equals ``regularizer=none`` bit for bit.
        coefficient_norm, dct_scale, frequency_weight, decayed_layers: see the table.

    Reports per decayed layer ``mean_square_frequency``, sum (i^2 + j^2) c_ij^2 / sum c_ij^2 of orthonormal
    coefficients: 10/3 for white 3 x 3 kernels, 0 for constant ones.

    Raises:
        ValueError: from :meth:`prepare`, if the model has no convolution above 1 x 1.
    """

    def __init__(
        self,
        *,
        frequency_weighted_decay: Annotated[float, Ge(0), Le(100)],
        coefficient_norm: CoefficientNorm,
        dct_scale: DctScale,
        frequency_weight: FrequencyWeight,
        decayed_layers: DecayedLayers,
    ) -> None:
        self.strength = frequency_weighted_decay
        self.squared = coefficient_norm == "squared"
        self.scale: DctScale = dct_scale
        self.weight: FrequencyWeight = frequency_weight
        self.first_third = decayed_layers == "first_third"
        self._names: tuple[str, ...] = ()

    def prepare(self, model: Model) -> Model:
        """Choose the layers; the model stays as it is."""
        names = spatial_convolutions(model, "frequency_weighted_decay")
        self._names = names[: len(names) // 3 + 1] if self.first_third else names
        return model

    def penalty(self, model: Model) -> Tensor | None:
        """See the class's formula."""
        if self.strength == 0:
            return None
        groups = weights_by_size(model, self._names).values()
        terms = [self._squared(weights) if self.squared else self._plain(weights) for weights in groups]
        return self.strength * torch.stack(terms).sum()

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """The mean square frequency of every decayed layer's kernels; none of a layer of zeros."""
        for name in self._names:
            weight = model.get_submodule(name).weight.detach().double().cpu()  # type: ignore[operator]
            k = weight.shape[-1]
            energy = (kernel_rows([weight]) @ dct_analysis(k, "orthonormal")).square().sum(0)
            if energy.any():
                mean = frequency_weights(k, "squared_radius") @ energy / energy.sum()
                yield name, "mean_square_frequency", float(mean)

    def _squared(self, weights: list[Tensor]) -> Tensor:
        """One matrix product for all layers of a kernel size."""
        analysis, a = self._matrices(weights)
        return (kernel_rows(weights) @ (analysis * a.sqrt())).square().sum()

    def _plain(self, weights: list[Tensor]) -> Tensor:
        """A norm for each layer and coefficient, its gradient 0 where it is 0."""
        analysis, a = self._matrices(weights)
        layers = (kernel_rows(weights) @ analysis).split([weight.shape[0] * weight.shape[1] for weight in weights])
        norms = torch.stack([torch.linalg.vector_norm(layer, dim=0) for layer in layers])
        return (norms @ a).sum()

    def _matrices(self, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
        like = weights[0]
        return _matrices(like.shape[-1], self.scale, self.weight, like.device, like.dtype)


def dct_analysis(kernel_size: int, scale: DctScale) -> Tensor:
    """(k^2, k^2) float64: a kernel as a row times it gives its coefficients c_ij, in the order i * k + j."""
    position = torch.arange(kernel_size, dtype=torch.float64)
    cosines = torch.cos(torch.pi / kernel_size * position[:, None] * (position + 0.5))
    images = torch.einsum("im,jn->ijmn", cosines, cosines).flatten(2).flatten(0, 1)
    scales = torch.linalg.vector_norm(images, ord=2 if scale == "orthonormal" else 1, dim=1)
    analysis: Tensor = images.T * (scales / images.square().sum(1))
    return analysis


def frequency_weights(kernel_size: int, weight: FrequencyWeight) -> Tensor:
    """(k^2,) float64: a_ij in the order i * k + j."""
    index = torch.arange(kernel_size, dtype=torch.float64)
    if weight == "squared_radius":
        return (index[:, None].square() + index.square()).flatten()
    highest = torch.maximum(index[:, None], index)
    return torch.where(highest > kernel_size // 2, highest, 0.0).flatten()


@lru_cache(maxsize=64)
def _matrices(
    kernel_size: int, scale: DctScale, weight: FrequencyWeight, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The analysis and the weights of the coefficients that have one."""
    a = frequency_weights(kernel_size, weight)
    analysis = dct_analysis(kernel_size, scale)[:, a > 0]
    return analysis.to(device=device, dtype=dtype), a[a > 0].to(device=device, dtype=dtype)
