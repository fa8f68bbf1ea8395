"""Power spectral density of square kernels and its discrete radial profile.

Definitions (arXiv 2512.22192, with one bin per unique radius instead of continuous bins, which at 3 x 3 stay empty)::

    F(u, v) = DFT2(w)(u, v)            P = |F|^2
    f       = fftfreq(k) * k           integer frequencies, in cycles per kernel
    r(u, v) = sqrt(f_u^2 + f_v^2)
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class RadialProfile(NamedTuple):
    """Power of a kernel by radius.

    Attributes:
        radius: (R,) float64, the unique radii in ascending order, in cycles per kernel; ``radius[0]`` is 0 (DC).
        multiplicity: (R,) int64, number of DFT bins on each radius; they sum to k * k.
        power: (R,) or (..., R) float64, mean of ``|DFT2(w)|^2`` over the ring. Ring energy is
            ``power * multiplicity``; summed over radii it is ``k * k * sum(w^2)`` (Parseval).
    """

    radius: Tensor
    multiplicity: Tensor
    power: Tensor


def power_spectral_density(kernel: Tensor) -> Tensor:
    """``|DFT2(w)|^2`` of each kernel, unnormalised, DC at index (0, 0).

    Args:
        kernel: (..., k, k) real weights, such as (out, in, k, k).

    Returns:
        (..., k, k) in the kernel's precision (at least float32).

    Raises:
        ValueError: the last two dimensions are not a square of at least 1 x 1.
    """
    _kernel_size(kernel)
    values = kernel.detach()
    if values.dtype in (torch.bfloat16, torch.float16):
        values = values.float()
    power: Tensor = torch.fft.fft2(values).abs().square()
    return power


def radial_profile(kernel: Tensor, *, per_kernel: bool = False) -> RadialProfile:
    """Discrete radial profile of the power spectral density: one bin per unique radius.

    Ring means are quadratic forms in the weights, ``mean_ring |DFT2(w)|^2 = w^T A_r w``, so their mean over kernels
    needs only the k^2 x k^2 second moment of the weights: one matrix product instead of a DFT per kernel.

    Args:
        kernel: (..., k, k) real weights.
        per_kernel: keep the leading dimensions instead of averaging over all kernels.

    Returns:
        :class:`RadialProfile` with ``power`` of shape (R,), or (..., R) with ``per_kernel``; computed in float64.

    Raises:
        ValueError: the last two dimensions are not a square, or there is no kernel to average over.
    """
    k = _kernel_size(kernel)
    radius, multiplicity, forms = _ring_forms(k)
    rows = kernel.detach().reshape(-1, k * k).to(device="cpu", dtype=torch.float64)
    if per_kernel:
        power = torch.einsum("np,rpq,nq->nr", rows, forms, rows)
        return RadialProfile(radius, multiplicity, power.reshape(*kernel.shape[:-2], len(radius)))
    if len(rows) == 0:
        raise ValueError(f"radial_profile: no kernel to average over in shape {tuple(kernel.shape)}")
    second_moment = rows.T @ rows / len(rows)
    return RadialProfile(radius, multiplicity, torch.einsum("pq,rpq->r", second_moment, forms))


def _kernel_size(kernel: Tensor) -> int:
    if kernel.ndim < 2 or kernel.shape[-1] != kernel.shape[-2] or kernel.shape[-1] < 1:
        raise ValueError(f"expected square kernels of shape (..., k, k), got shape {tuple(kernel.shape)}")
    return int(kernel.shape[-1])


@lru_cache(maxsize=16)
def _ring_forms(k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Radii (R,), multiplicities (R,) and the quadratic forms A_r (R, k^2, k^2) with ``mean_ring P = w^T A_r w``."""
    frequency = torch.fft.fftfreq(k, dtype=torch.float64).mul(k).round().long()
    squared = (frequency[:, None].square() + frequency[None, :].square()).flatten()
    unique, ring = squared.unique(sorted=True, return_inverse=True)
    multiplicity = torch.bincount(ring, minlength=len(unique))
    position = torch.cartesian_prod(torch.arange(k), torch.arange(k)) if k > 1 else torch.zeros(1, 2, dtype=torch.long)
    bins = torch.stack([frequency.repeat_interleave(k), frequency.repeat(k)], dim=1)
    # w^T A w with A[p, q] = mean over ring of cos(2 pi f.(p - q) / k), the real part of conj(F) F expanded in w.
    phase = 2 * torch.pi / k * (bins.double() @ position.double().T)
    waves = torch.cat([phase.cos()[:, :, None], phase.sin()[:, :, None]], dim=2)
    forms = torch.zeros(len(unique), k * k, k * k, dtype=torch.float64)
    forms.index_add_(0, ring, torch.einsum("fpc,fqc->fpq", waves, waves))
    return unique.double().sqrt(), multiplicity, forms / multiplicity[:, None, None]
