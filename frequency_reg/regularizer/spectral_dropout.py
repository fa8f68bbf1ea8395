"""Spectral dropout (Khan et al. 2017): weak cosine coefficients of activations are removed, the others at random."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor, nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer, append_module
from frequency_reg.regularizer.feature_maps import map_sites, transform


class SpectralDropout(Regularizer):
    """In training, for every feature map X (h, w) at the model's ``dropout_sites``::

        C = T_h X T_w^T        M ~ Bernoulli(1 - p) . [|C| >= tau rms(C)]        X <- T_h^T (M . C / (1 - p)) T_w

    T is the orthonormal DCT of type II, rms(C) the root mean square of a map's coefficients: what is too weak goes, and
    of the rest a random share p. A lost coefficient is a pattern lost from the whole map, where dropout loses pixels
    that their neighbours make up for.

    Source: Khan, Hayat, Porikli 2017 (2019 in Neural Networks 110), "Regularization of Deep Neural Networks with
    Spectral Dropout": fixed DCT, threshold and Bernoulli mask, inverse DCT. Deviations: tau is relative to each map,
    for activations differ in scale from layer to layer and over training; survivors are scaled by 1 / (1 - p) and
    evaluation leaves activations as they are, as dropout does now; the sites are those of
    :mod:`frequency_reg.regularizer.spatial_dropout`, inside the blocks.

    Args:
        spectral_dropout: p in [0, 1), the probability that a coefficient above the threshold is removed; at 0 nothing
            is transformed, not even thresholded, and the run equals ``regularizer=none`` bit for bit.
        spectral_threshold: tau, in units of the root mean square of a map's coefficients; 0 removes none for weakness.

    Raises:
        ValueError: from :meth:`prepare`, if no feature maps reach the model's sites.
    """

    def __init__(
        self,
        *,
        spectral_dropout: Annotated[float, Ge(0), Lt(1)],
        spectral_threshold: Annotated[float, Ge(0), Le(10)],
    ) -> None:
        self.spectral_dropout = spectral_dropout
        self.spectral_threshold = spectral_threshold

    def prepare(self, model: Model) -> Model:
        """Put a :class:`DroppedCoefficients` at every site that has maps."""
        sites = map_sites(model, "spectral_dropout")
        if self.spectral_dropout > 0:
            for name, size in sites.items():
                append_module(model, name, DroppedCoefficients(self.spectral_dropout, self.spectral_threshold, size))
        return model


class DroppedCoefficients(nn.Module):
    """Acts in training only; see :class:`SpectralDropout`.

    Args:
        probability: p.
        threshold: tau.
        size: (h, w) of the maps.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, probability: float, threshold: float, size: tuple[int, int]) -> None:
        super().__init__()
        self.probability = probability
        self.threshold = threshold
        self.register_buffer("rows", cosine_matrix(size[0]), persistent=False)
        self.register_buffer("columns", cosine_matrix(size[1]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape, computed in float32."""
        if not self.training:
            return x
        with torch.autocast(x.device.type, enabled=False):
            coefficients = transform(x.float(), self.rows, self.columns)
            mask = self.mask(coefficients.detach())
            return transform(coefficients * mask, self.rows.T, self.columns.T).to(x.dtype)

    def mask(self, coefficients: Tensor) -> Tensor:
        """M / (1 - p) for coefficients (N, C, h, w)."""
        kept = torch.rand_like(coefficients) >= self.probability
        if self.threshold > 0:
            mean_square = coefficients.square().mean((2, 3), keepdim=True)
            kept &= coefficients.abs() >= self.threshold * mean_square.sqrt()
        return kept / (1 - self.probability)


def cosine_matrix(n: int) -> Tensor:
    """T (n, n) float32 with ``T[k, i] = c_k cos(pi (i + 1/2) k / n)``, c_0 = sqrt(1 / n), else sqrt(2 / n)."""
    k = torch.arange(n, dtype=torch.float64)
    matrix: Tensor = torch.cos(torch.pi / n * k[:, None] * (k[None, :] + 0.5)) * (2 / n) ** 0.5
    matrix[0] = n**-0.5
    return matrix.float()
