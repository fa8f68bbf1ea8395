"""Spectrum of a function on one period, sampled on a regular grid."""

from __future__ import annotations

import torch
from torch import Tensor


def coefficients(values: Tensor) -> Tensor:
    """Complex amplitudes c_k = 2 / n sum_j y_j exp(-2 pi i j k / n) of the frequencies k = 0 .. (n - 1) // 2.

    ``|c_k|`` is the amplitude of the sinusoid of k cycles per period (twice the mean for k = 0): A sin(2 pi k x + phi)
    has ``|c_k| = A``. This is the normalised magnitude 2 |F_k| of Rahaman et al. 2019 before it is divided by A_k.

    Args:
        values: (..., n) real, y at x_j = j / n of the period.

    Returns:
        (..., (n + 1) // 2) complex128 on the values' device.
    """
    n = values.shape[-1]
    found: Tensor = torch.fft.rfft(values.double())[..., : (n + 1) // 2] * (2 / n)
    return found


def explained_variance(found: Tensor, target: Tensor) -> Tensor:
    """1 - |f_k - y_k|^2 / |y_k|^2 of complex amplitudes: 1 where a frequency is learned, 0 where nothing is.

    Amplitude and phase count: a sinusoid of the right amplitude in the opposite phase gives -3.

    Args:
        found: (..., K) complex, of a model's outputs.
        target: (..., K) complex, of what it shall fit; not 0.
    """
    return 1 - (found - target).abs().square() / target.abs().square()
