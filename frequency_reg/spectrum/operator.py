"""Singular values of a convolution as a linear operator on images, resolved by spatial frequency.

A circular convolution on n x n images with kernel K maps the sinusoids of each frequency f to themselves; at f it is
the out x in matrix of the kernel's DFT, so that all singular values of the operator are those of n^2 small matrices
(Sedghi, Gupta, Long 2019, "The Singular Values of Convolutional Layers")::

    P(f) = DFT2(K padded with zeros to n x n)(f)          sigma(operator) = union over f of sigma(P(f))

A convolution padded with zeros differs from the circular one at the image's border. A stride keeps every s-th sample of
what the full convolution yields: gains here are those of the full one, the amplitudes of sinusoids before they alias.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from frequency_reg.spectrum.masking import column_counts


class FrequencyGain(NamedTuple):
    """Singular values of a convolution by radius.

    Attributes:
        frequency: (R,) float64, the radii in ascending order, in cycles per sample; 0 is DC, .5 is Nyquist along an
            axis.
        multiplicity: (R,) int64, DFT bins on each radius; they sum to n^2.
        largest: (R,) float64, the largest singular value on the radius: the largest gain of such a sinusoid.
        mean: (R,) float64, mean of all min(in, out) singular values of all bins on the radius.
    """

    frequency: Tensor
    multiplicity: Tensor
    largest: Tensor
    mean: Tensor


def operator_singular_values(kernel: Tensor, size: int) -> Tensor:
    """Singular values at each frequency of the half-plane of a real DFT, ascending.

    They are roots of the eigenvalues of the smaller Gram matrix, P P^H or P^H P: accurate to about 1e-8 of the
    frequency's largest one, in a fraction of the time of a decomposition of P.

    Args:
        kernel: (..., out, in, k, k) real weights.
        size: n, the side of the images in samples, at least k.

    Returns:
        (..., n, n // 2 + 1, min(out, in)) float64 on the CPU; at (u, v) of frequency ``fftfreq(n)[u], rfftfreq(n)[v]``.

    Raises:
        ValueError: the kernel has fewer than 4 dimensions, or is larger than ``size``.
    """
    if kernel.ndim < 4 or max(kernel.shape[-2:]) > size:
        raise ValueError(
            f"expected kernels (..., out, in, k, k) with k <= size={size}, got shape {tuple(kernel.shape)}"
        )
    weights = kernel.detach().to(device="cpu", dtype=torch.float64)
    transfer = torch.fft.rfft2(weights, s=(size, size)).movedim((-4, -3), (-2, -1)).contiguous()
    if transfer.shape[-2] > transfer.shape[-1]:
        transfer = transfer.mT
    squares: Tensor = torch.linalg.eigvalsh(transfer @ transfer.mH)
    # Rounding leaves the zeros of a matrix without full rank on both sides of 0.
    return squares.clamp_min_(0).sqrt_()


def frequency_gain(kernel: Tensor, size: int) -> FrequencyGain:
    """Largest and mean singular value on each radius of the n x n DFT; leading dimensions are pooled.

    Args:
        kernel: (..., out, in, k, k) real weights; several are independent blocks of one operator, such as groups.
        size: n, as in :func:`operator_singular_values`.

    Raises:
        ValueError: as :func:`operator_singular_values`.
    """
    values = operator_singular_values(kernel, size)
    values = values.reshape(-1, *values.shape[-3:])
    frequency, ring, weight = _rings(size)
    multiplicity = torch.zeros(len(frequency), dtype=torch.float64).index_add_(0, ring, weight)
    means = torch.zeros(len(frequency), dtype=torch.float64)
    means.index_add_(0, ring, values.mean((0, -1)).flatten() * weight)
    largest = torch.zeros(len(frequency), dtype=torch.float64)
    largest.scatter_reduce_(0, ring, values.amax((0, -1)).flatten(), "amax")
    return FrequencyGain(frequency, multiplicity.long(), largest, means / multiplicity)


def _rings(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Radii (R,) in cycles per sample; of each bin of the half-plane, its radius's index and how many bins it is."""
    u = torch.fft.fftfreq(size, dtype=torch.float64).mul(size).round().long()
    v = torch.arange(size // 2 + 1)
    squared, ring = (u.square()[:, None] + v.square()[None, :]).flatten().unique(return_inverse=True)
    weight = column_counts(size).expand(size, -1).flatten()
    return squared.double().sqrt() / size, ring, weight
