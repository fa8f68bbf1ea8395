"""Spectral norms of fully connected layers over training, and their product."""

from __future__ import annotations

import pandas as pd

from analysis.frames.function import joined, updates
from analysis.frames.recorded import recorded
from analysis.load import Records


def layer_norms(records: Records) -> pd.DataFrame:
    """Spectral norm of each layer, and the product of all as layer ``product``, at every measured epoch.

    Returns:
        The description, layer (module path, or ``product``), depth (place of the layer; one more than the last for the
        product), epoch, iteration (updates until then), statistics of the norm. Empty where no run asked for the probe
        ``layer_norms``.
    """
    query = f"""
        SELECT run_id, layer, depth, epoch, epoch * {updates(records)} AS iteration, spectral_norm AS value
        FROM layer_norms{joined(records)}
        UNION ALL
        SELECT run_id, 'product', max(depth) + 1, epoch, epoch * {updates(records)}, arg_max(product, depth)
        FROM layer_norms{joined(records)} GROUP BY ALL"""
    return recorded(records, "layer_norms", query, ["layer", "depth", "epoch", "iteration"])
