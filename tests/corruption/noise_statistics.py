"""Comparison of two samples of noisy images in distribution."""

from __future__ import annotations

import numpy as np


def assert_same_distribution(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Residuals (N, H, W, C) of two independent corruptions of the same images: mean, power and spectrum agree.

    Each statistic is one value an image; over N images the mean of the paired differences must lie within 4 of its
    standard errors of 0: chance leaves that once in 16,000 comparisons.
    """
    assert ours.shape == theirs.shape
    pairs = {"mean": (ours.mean((1, 2, 3)), theirs.mean((1, 2, 3)))}
    pairs["power"] = ((ours**2).mean((1, 2, 3)), (theirs**2).mean((1, 2, 3)))
    height, width = ours.shape[1:3]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) * min(height, width)
    spectra = [(np.abs(np.fft.fft2(residual, axes=(1, 2))) ** 2).mean(-1) for residual in (ours, theirs)]
    for low in (0.5, 2, 4, 8, 12, 16):
        ring = (radius >= low) & (radius < low + 4)
        pairs[f"power at radius {low}"] = spectra[0][:, ring].mean(1), spectra[1][:, ring].mean(1)
    for name, (a, b) in pairs.items():
        difference = a - b
        assert abs(difference.mean()) < 4 * difference.std() / len(a) ** 0.5, name
