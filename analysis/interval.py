"""Intervals as they are drawn: those of an accuracy end at 0 and 100 %, where accuracies do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NOTE = "Student's interval knows no bounds: intervals of accuracies are cut at 0 and 100 %."
"""For the captions of plots with such intervals."""


def is_accuracy(metric: str) -> bool:
    """Whether a metric is a share of images: neither a difference nor a ratio of accuracies."""
    return metric.partition("/")[0] == "accuracy" or metric.endswith("_accuracy")


def bars(mean: npt.ArrayLike, half_width: npt.ArrayLike, *, accuracy: bool = True) -> npt.NDArray[np.float64]:
    """Lengths below and above the mean: the half-width, for an accuracy no further than 0 and 1.

    Args:
        mean, half_width: shape (n,) or a number; accuracies as fractions. A missing half-width is no interval.

    Returns:
        Shape (2, n): below, above; 0 where there is no interval.
    """
    at, half = np.broadcast_arrays(np.atleast_1d(np.asarray(mean, float)), np.asarray(half_width, float))
    half = np.nan_to_num(half)
    if not accuracy:
        return np.array([half, half])
    return np.array([np.minimum(half, np.maximum(at, 0)), np.minimum(half, np.maximum(1 - at, 0))])
