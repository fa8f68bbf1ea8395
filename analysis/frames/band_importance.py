"""What a band of frequencies is worth: accuracy lost without it, accuracy on it alone."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records


def band_importance(records: Records) -> pd.DataFrame:
    """Accuracy lost on the test split when a band is removed, and accuracy when it alone is kept (with DC).

    Returns:
        The description, operation (``remove`` or ``keep``), band (0 is the lowest), radius_from and radius_to (cycles
        per shorter side), energy (the band's share in [0, 1]), images, statistics of: for ``remove`` accuracy on the
        unfiltered images - accuracy without the band; for ``keep`` accuracy on band and DC. Empty where no run asked
        for the diagnostic ``band_importance``.
    """
    by = ["operation", "band", "radius_from", "radius_to", "energy", "images"]
    query = """
        SELECT run_id, operation, band, radius_from, radius_to, energy, n AS images,
               CASE WHEN operation = 'remove' THEN "drop" ELSE accuracy END AS value
        FROM band_importance WHERE split = 'test'"""
    return recorded(records, "band_importance", query, by)
