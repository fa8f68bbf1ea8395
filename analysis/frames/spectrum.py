"""Power of kernels over spatial frequency, layer and training, in ratios that do not depend on the weights' scale."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.aggregate import estimates
from analysis.load import Records
from analysis.metric import quoted

_RATIOS = """
    SELECT run_id, epoch, layer, depth, kernel, radius, multiplicity,
           CASE WHEN total > 0 THEN power * multiplicity / total END AS energy_share,
           CASE WHEN dc > 0 THEN power / dc END AS dc_relative,
           CASE WHEN total > 0 THEN power * bins / total END AS white_relative,
           place, radii
    FROM (SELECT *, sum(power * multiplicity) OVER ring AS total, sum(multiplicity) OVER ring AS bins,
                 max(power) FILTER (radius = 0) OVER ring AS dc,
                 dense_rank() OVER (PARTITION BY run_id, layer, epoch ORDER BY radius) - 1 AS place,
                 count(*) OVER ring AS radii
          FROM spectra {where}
          WINDOW ring AS (PARTITION BY run_id, layer, epoch))"""

RATIOS = ("white_relative", "dc_relative", "energy_share")


def spectrum_evolution(
    records: Records, layers: Sequence[str] = ("first", "last"), ratio: str = "white_relative"
) -> pd.DataFrame:
    """Power of layers over epochs and radii, as a ratio that does not depend on the weights' scale.

    * energy_share = power x multiplicity / (sum over radii of power x multiplicity): share of the ring energy.
    * dc_relative = power / power at radius 0.
    * white_relative = power / mean power over all bins of the kernel's DFT; 1 at every radius is a white spectrum.

    Args:
        layers: ``first``, ``last`` or module paths; empty for every layer with k > 1, the path as its position.
        ratio: one of :data:`RATIOS`.

    Returns:
        The description, position, layer, depth, kernel, epoch, radius, multiplicity, statistics of the ratio.
    """
    chosen = f"position IN ({', '.join(map(quoted, layers))})" if layers else "position = layer"
    query = (
        f"SELECT run_id, position, layer, ratios.depth, kernel, epoch, radius, multiplicity, {ratio} AS value "
        f"FROM ({_RATIOS.format(where='')}) ratios JOIN layers USING (run_id, layer) WHERE {chosen}"
    )
    return estimates(records, query, ["position", "layer", "depth", "kernel", "epoch", "radius", "multiplicity"])


def radial_profiles(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """White-relative power against radius before the first update and after the last epoch.

    Returns:
        As :func:`spectrum_evolution`, with state (``initial``, ``trained``) instead of epoch.
    """
    chosen = ", ".join(map(quoted, layers))
    where = "SEMI JOIN (SELECT run_id, epoch FROM run UNION ALL SELECT run_id, 0 FROM run) USING (run_id, epoch)"
    query = (
        "SELECT run_id, position, layer, ratios.depth, kernel, radius, multiplicity, white_relative AS value, "
        "CASE WHEN epoch = 0 THEN 'initial' ELSE 'trained' END AS state "
        f"FROM ({_RATIOS.format(where=where)}) ratios JOIN layers USING (run_id, layer) WHERE position IN ({chosen})"
    )
    return estimates(records, query, ["position", "layer", "depth", "kernel", "state", "radius", "multiplicity"])


def high_band_share(records: Records) -> pd.DataFrame:
    """Share of the ring energy in the high band, of every layer with k > 1 and epoch.

    The high band is the radii with index >= max(1, floor(number of radii / 2)); at 3 x 3 that is all but radius 0.

    Returns:
        The description, layer, depth, kernel, epoch, statistics of the share in [0, 1].
    """
    query = (
        "SELECT run_id, layer, depth, kernel, epoch, sum(energy_share) AS value "
        f"FROM ({_RATIOS.format(where='WHERE kernel > 1')}) WHERE place >= greatest(1, radii // 2) "
        "GROUP BY run_id, layer, depth, kernel, epoch"
    )
    return estimates(records, query, ["layer", "depth", "kernel", "epoch"])
