"""A frequency-aware loss: a penalty on the power of convolution kernels in a radial band of spatial frequencies.

The energy of a k x k kernel w in the band ``from <= r < to`` is::

    E_band(w) = 1 / n^2  sum over bins (u, v) of DFT2(w padded with zeros to n x n)(u, v), of |.|^2,  from <= r < to
    r(u, v)   = sqrt(fftfreq(n)[u]^2 + fftfreq(n)[v]^2)       cycles per sample: .5 is Nyquist along an axis,
                                                               .707 the corner

By Parseval the energies of bands that tile the plane sum to ``||w||^2``. Each is a quadratic form ``w^T Q w`` with a
fixed k^2 x k^2 matrix Q = A A^T, so that no DFT is computed in training: ``||A^T w||^2``, one matrix product for all
kernels of a size.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer
from frequency_reg.regularizer.convolution_kernels import kernel_rows, spatial_convolutions, weights_by_size

PenaltyOn = Literal["operator", "kernel"]
PenaltyScale = Literal["absolute", "relative"]
PenalizedLayers = Literal["all", "blocks", "stem"]

VANISHING_ENERGY = 1e-5
"""Energy of a filter below which ``relative`` lets go of it; batch norm's eps, where its own invariance ends too."""


class FrequencyPenalty(Regularizer):
    """Adds to the loss, summed over layers and their kernels w, or over their filters (output channels) o::

        absolute    lambda / 2  sum_w E_band(w)                                a weight decay confined to the band
        relative    lambda / 2  sum_o  sum_{w in o} E_band(w) / (sum_{w in o} ||w||^2 + 1e-5)

    ``absolute`` over the whole plane is lambda / 2 ||W||^2, whose gradient is that of coupled weight decay at lambda,
    so both strengths have one scale. Before batch norm it can be lowered without any change of the function, by making
    a whole filter smaller. ``relative`` cannot: it does not change with a filter's scale, as batch norm's output does
    not. A filter's energy at torch's initialisation is 1/3, so that ``relative`` starts 3 times as strong.

    Under SGD an amplitude in the band that the data does not hold up shrinks by exp(-lambda sum_steps lr / (1 -
    momentum)): at 1e-3, over 12 epochs of CIFAR-10 in batches of 128 (cosine from .1, momentum .9), by more than 2
    e-folds. Sensible strengths are those of weight decay, 1e-4 to 5e-3; short trainings on little data need more.

    Args:
        frequency_penalty: lambda; 0 equals ``regularizer=none`` bit for bit.
        penalty_on: the size n of the DFT. ``operator``: ``operator_size``, the transfer function that an image meets;
            a band is the same for every k, and small kernels have power on both sides of each edge. ``kernel``: k, the
            bins of the ``spectra`` table (radius / k): at 3 x 3 only the radii 0, .333 and .471.
        penalty_from, penalty_to: the band in cycles per sample, lower edge inside, upper edge outside; 0 to 1 is the
            whole plane.
        operator_size: n, in samples, of ``operator``; it only says how finely the band is sampled.
        penalty_scale: ``absolute`` or ``relative``.
        penalized_layers: ``all`` convolutions above 1 x 1, those inside ``blocks`` (the model's block convolutions),
            or the others above 1 x 1: the ``stem``.

    Reports per penalized layer ``band_energy_share``, its energy in the band over its whole energy.

    Raises:
        ValueError: from :meth:`prepare`, if the band's edges are not in order, the model has no such layers, a kernel
            is larger than ``operator_size``, or no bin of any layer's DFT lies in the band.
    """

    def __init__(
        self,
        *,
        frequency_penalty: Annotated[float, Ge(0), Le(100)],
        penalty_on: PenaltyOn,
        penalty_from: Annotated[float, Ge(0), Le(1)],
        penalty_to: Annotated[float, Gt(0), Le(1)],
        operator_size: Annotated[int, Ge(2), Le(512)],
        penalty_scale: PenaltyScale,
        penalized_layers: PenalizedLayers,
    ) -> None:
        self.strength = frequency_penalty
        self.band = (penalty_from, penalty_to)
        self.size = None if penalty_on == "kernel" else operator_size
        self.relative = penalty_scale == "relative"
        self.which = penalized_layers
        self._names: tuple[str, ...] = ()

    def prepare(self, model: Model) -> Model:
        """Choose the layers; the model stays as it is."""
        if self.band[0] >= self.band[1]:
            raise ValueError(
                f"regularizer.penalty_from={self.band[0]:g}: must be below regularizer.penalty_to={self.band[1]:g}"
            )
        names = spatial_convolutions(model, "frequency_penalty")
        if self.which != "all":
            names = tuple(n for n in names if (n in model.block_convolutions) == (self.which == "blocks"))
        if not names:
            raise ValueError(
                f"regularizer.penalized_layers={self.which}: {type(model).__name__} has no such convolution above "
                "1 x 1; choose regularizer.penalized_layers=all"
            )
        self._require_bins(sorted(weights_by_size(model, names)))
        self._names = names
        return model

    def penalty(self, model: Model) -> Tensor | None:
        """See the class's formula."""
        if self.strength == 0:
            return None
        groups = weights_by_size(model, self._names)
        energies = [self._relative(w) if self.relative else self._energies(w).sum() for w in groups.values()]
        return self.strength / 2 * torch.stack(energies).sum()

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """The share of every penalized layer's energy that lies in the band; none of a layer of zeros."""
        for name in self._names:
            weight = model.get_submodule(name).weight.detach().double()  # type: ignore[operator]
            if weight.any():
                band = self._energies([weight]).sum()
                yield name, "band_energy_share", float(band / weight.square().sum())

    def _relative(self, weights: list[Tensor]) -> Tensor:
        """Sum over all filters of their share of energy in the band."""
        rows = kernel_rows(weights)
        both = torch.stack([self._energies(weights), rows.square().sum(1)], dim=1)
        parts = both.split([weight.shape[0] * weight.shape[1] for weight in weights])
        filters = [part.view(weight.shape[0], -1, 2).sum(1) for part, weight in zip(parts, weights, strict=True)]
        band, total = torch.cat(filters).unbind(1)
        shares: Tensor = band / (total + VANISHING_ENERGY)
        return shares.sum()

    def _energies(self, weights: list[Tensor]) -> Tensor:
        """(N,) energy in the band of every kernel of layers of one kernel size."""
        k = weights[0].shape[-1]
        factor = _factor(k, self.size or k, *self.band, weights[0].device, weights[0].dtype)
        return (kernel_rows(weights) @ factor).square().sum(1)

    def _require_bins(self, kernel_sizes: list[int]) -> None:
        if self.size is not None and kernel_sizes[-1] > self.size:
            raise ValueError(
                f"regularizer.operator_size={self.size}: smaller than a kernel of {kernel_sizes[-1]} x "
                f"{kernel_sizes[-1]}; choose at least {kernel_sizes[-1]}"
            )
        if not any(bool(in_band(self.size or k, *self.band).any()) for k in kernel_sizes):
            size = self.size or kernel_sizes[0]
            radii = ", ".join(f"{r:.3g}" for r in radius(size).unique().tolist()[:10])
            raise ValueError(
                f"regularizer.penalty_from={self.band[0]:g} regularizer.penalty_to={self.band[1]:g}: no bin of the "
                f"{size} x {size} DFT has a radius in this band; they are at {radii}{', ...' if size > 7 else ''}"
            )


def radius(size: int) -> Tensor:
    """(n, n) float64: distance of each bin of an n x n DFT from DC, in cycles per sample."""
    axis = torch.fft.fftfreq(size, dtype=torch.float64).mul(size).round()
    found: Tensor = (axis[:, None].square() + axis[None, :].square()).sqrt() / size
    return found


def in_band(size: int, lower: float, upper: float) -> Tensor:
    """(n, n) bool: bins of an n x n DFT with ``lower <= radius < upper``."""
    r = radius(size)
    return (r >= lower) & (r < upper)


def band_form(kernel_size: int, size: int, lower: float, upper: float) -> Tensor:
    """Q (k^2, k^2) float64 with ``w^T Q w`` the energy of a k x k kernel in the band of its n x n DFT; n >= k.

    ``Q[p, q] = 1 / n^2 sum over the band's bins f of cos(2 pi f . (p - q) / n)``: the inverse DFT of the band at the
    offset between two taps. The identity for the whole plane.
    """
    correlation = torch.fft.ifft2(in_band(size, lower, upper).double()).real
    taps = torch.cartesian_prod(torch.arange(kernel_size), torch.arange(kernel_size)).view(-1, 2)
    offset = (taps[:, None, :] - taps[None, :, :]) % size
    form: Tensor = correlation[offset[..., 0], offset[..., 1]]
    return form


@lru_cache(maxsize=64)
def _factor(
    kernel_size: int, size: int, lower: float, upper: float, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """A (k^2, rank) with ``A A^T`` the :func:`band_form`: energies as sums of squares are never below 0."""
    values, vectors = torch.linalg.eigh(band_form(kernel_size, size, lower, upper))
    kept = values > 1e-12
    factor: Tensor = vectors[:, kept] * values[kept].sqrt()
    return factor.to(device=device, dtype=dtype)
