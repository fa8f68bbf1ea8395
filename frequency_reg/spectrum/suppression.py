"""The Spectral Suppression Ratio (SSR) of arXiv 2512.22192, with every choice that its value depends on named.

``SSR = (H_ref - H) / H_ref`` compares the high-frequency power H of a kernel with a reference state. Negative values
mean that high frequencies accumulated. H depends on a normalization; the reference is the caller's, and both belong
beside every SSR that is shown.
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from frequency_reg.spectrum.kernel import RadialProfile, radial_profile

Normalization = Literal["dc", "total", "energy", "absolute"]
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)


def high_band_start(radii: int) -> int:
    """Index of the first high radius, ``max(1, int(R / 2))``; at 3 x 3 every radius but DC is high."""
    return max(1, int(radii * 0.5))


def high_frequency_power(profile: RadialProfile, normalization: Normalization = "dc") -> float | None:
    """H of a radial profile.

    With p the profile's mean powers, m the multiplicities, and the high band all radii from ``max(1, int(R / 2))``::

        dc        sum_high p / p_DC           (behind the published figure)
        total     sum_high p / sum p          (in the published code)
        energy    sum_high p m / sum p m      (share of the ring energy)
        absolute  sum_high p m                (confounded by scale under batch norm)

    Args:
        profile: with ``power`` of shape (R,).

    Returns:
        H, or None where it does not exist: no high band (1 x 1 kernels), a zero denominator or non-finite powers.

    Raises:
        ValueError: unknown normalization.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"unknown normalization {normalization!r}; choose from {', '.join(NORMALIZATIONS)}")
    power = profile.power.double()
    start = high_band_start(len(power))
    if start >= len(power) or not bool(power.isfinite().all()):
        return None
    energy = power * profile.multiplicity
    numerator, denominator = {
        "dc": (power[start:].sum(), power[0]),
        "total": (power[start:].sum(), power.sum()),
        "energy": (energy[start:].sum(), energy.sum()),
        "absolute": (energy[start:].sum(), energy.new_ones(())),
    }[normalization]
    return float(numerator / denominator) if float(denominator) > 0 else None


def suppression(reference: float | None, current: float | None) -> float | None:
    """``(H_ref - H) / H_ref``; None where either H does not exist or H_ref is 0."""
    if reference is None or current is None or reference == 0:
        return None
    return (reference - current) / reference


def spectral_suppression_ratio(reference: Tensor, current: Tensor, normalization: Normalization = "dc") -> float | None:
    """SSR of a layer between two states of its weights; positive = fewer high frequencies than the reference.

    Args:
        reference: (out, in, k, k) weights of the reference state.
        current: (out, in, k, k) weights now.
        normalization: see :func:`high_frequency_power`.

    Returns:
        SSR, or None where it does not exist (1 x 1 kernels, zero reference).

    Raises:
        ValueError: shapes differ or are not square, or the normalization is unknown.
    """
    if reference.shape != current.shape:
        raise ValueError(f"reference and current differ in shape: {tuple(reference.shape)}, {tuple(current.shape)}")
    return suppression(
        high_frequency_power(radial_profile(reference), normalization),
        high_frequency_power(radial_profile(current), normalization),
    )
