"""The spread that an accuracy has because the test images are finitely many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from analysis.load import AnalysisError
from analysis.statistics import CONFIDENCE


def sampling_error(accuracy: npt.ArrayLike, images: npt.ArrayLike) -> pd.DataFrame:
    """How far the accuracy of one trained network, on finitely many test images, may be from that on all such images.

    Two spreads, two questions. The interval over seeds (:mod:`analysis.statistics.estimate`): how would the mean move
    if the networks were trained again with other seeds and measured on *these* images? This one: how would *this*
    network's accuracy move on other test images of the same kind? Neither holds the other, and more seeds do not shrink
    this one. A paired comparison on the same images cancels most of it, since images that are hard for one network are
    hard for the other: differences are judged by :mod:`analysis.statistics.paired`, not by whether these intervals
    overlap.

    standard_error = sqrt(a (1 - a) / N). Interval: Wilson 1927, (a + z^2 / 2N -+ z sqrt(a (1 - a) / N + z^2 / 4N^2)) /
    (1 + z^2 / N), which stays in [0, 1] and does not vanish at a = 0 or 1, as the plain one does. It is for a share of
    independent images: not for means over corruptions of the same images, or over seeds.

    Args:
        accuracy: share of images in [0, 1], missing allowed; any length.
        images: number of test images; one for all or one each.

    Returns:
        One row for each accuracy, in order: standard_error, half_width (half of high - low), low, high; fractions.

    Raises:
        AnalysisError: an accuracy outside [0, 1], or fewer than one image.
    """
    a, total = np.broadcast_arrays(np.atleast_1d(np.asarray(accuracy, float)), np.asarray(images, float))
    if (wrong := a[(a < 0) | (a > 1)]).size:
        raise AnalysisError(
            f"accuracy {wrong[0]:g} has no sampling error: a fraction of the images, 0 to 1, is needed."
        )
    if (wrong := total[total < 1]).size:
        raise AnalysisError(f"an accuracy on {wrong[0]:g} images has no sampling error: at least 1 image is needed.")
    z = ndtri((1 + CONFIDENCE) / 2)
    variance = a * (1 - a) / total
    centre = (a + z**2 / (2 * total)) / (1 + z**2 / total)
    half_width = z * np.sqrt(variance + z**2 / (4 * total**2)) / (1 + z**2 / total)
    columns = {"standard_error": np.sqrt(variance), "half_width": half_width}
    # At a = 0 and 1 an end is 0 or 1 but for rounding.
    return pd.DataFrame(
        columns | {"low": np.maximum(centre - half_width, 0), "high": np.minimum(centre + half_width, 1)}
    )
