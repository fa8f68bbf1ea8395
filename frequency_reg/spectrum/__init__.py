"""Spectra of kernels and of functions: pure functions on tensors, no state, no configuration."""

from frequency_reg.spectrum.kernel import RadialProfile, power_spectral_density, radial_profile
from frequency_reg.spectrum.suppression import (
    NORMALIZATIONS,
    high_frequency_power,
    spectral_suppression_ratio,
    suppression,
)

__all__ = [
    "NORMALIZATIONS",
    "RadialProfile",
    "high_frequency_power",
    "power_spectral_density",
    "radial_profile",
    "spectral_suppression_ratio",
    "suppression",
]
