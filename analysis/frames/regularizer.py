"""What regularizers report of themselves."""

from __future__ import annotations

import pandas as pd

from analysis.aggregate import estimates
from analysis.load import Records
from analysis.metric import quoted


def regularizer_quantity(records: Records, quantity: str = "share_removed") -> pd.DataFrame:
    """A quantity that a regularizer reports of itself, per layer over epochs.

    Returns:
        The description, layer, depth (of the convolution; order of appearance where the name is none's), epoch,
        statistics of the quantity.
    """
    query = f"""
        SELECT run_id, layer, coalesce(depth, dense_rank() OVER (ORDER BY layer) - 1) AS depth, epoch, value
        FROM regularizer LEFT JOIN (SELECT DISTINCT run_id, layer, depth FROM spectra) USING (run_id, layer)
        WHERE quantity = {quoted(quantity)}"""
    return estimates(records, query, ["layer", "depth", "epoch"])
