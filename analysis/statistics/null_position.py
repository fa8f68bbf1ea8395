"""Where a value stands among those of random initialisations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.statistics import Floats


def null_position(value: npt.ArrayLike, draws: npt.ArrayLike) -> Floats:
    """Where values stand in their null distributions: two-sided p, the share of null draws at or beyond the value.

    p = min(1, 2 (beyond + ties / 2 + 1) / (B + 1)), with B the number of draws and beyond the smaller of the numbers of
    draws above and below the value. Draws equal to the value count half on each side; the value counts as one draw more
    (Phipson and Smyth 2010), so p is never 0 and a value from the null has p <= x in at most a share x of cases. The
    smallest p is 2 / (B + 1): 20 draws cannot show .05, 39 can.

    The null is that of one value, so give the SSR of one seed. The mean over seeds moves less than single draws do; its
    position is cautious. Runs of one model may have recorded the same draws: their positions are then not independent,
    and pooling draws over runs adds nothing but repetitions, to be dropped first.

    Args:
        value: shape (...).
        draws: shape (..., B), broadcast against ``value``; missing ones do not count (pad with them where B differs).

    Returns:
        p in (0, 1], in the shape of the two broadcast; missing where the value or every draw is.
    """
    at = np.asarray(value, dtype=float)[..., None]
    null = np.asarray(draws, dtype=float)
    count = np.broadcast_to((~np.isnan(null)).sum(axis=-1), np.broadcast_shapes(at.shape[:-1], null.shape[:-1]))
    beyond = np.minimum((null > at).sum(axis=-1), (null < at).sum(axis=-1))
    p = np.minimum(1.0, 2 * (beyond + (null == at).sum(axis=-1) / 2 + 1) / (count + 1))
    return np.where((count > 0) & ~np.isnan(at[..., 0]), p, np.nan)
