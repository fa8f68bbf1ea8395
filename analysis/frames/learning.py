"""Losses and accuracies over the epochs."""

from __future__ import annotations

import pandas as pd

from analysis.aggregate import estimates
from analysis.load import Records

QUANTITIES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


def learning_curves(records: Records) -> pd.DataFrame:
    """Training and validation loss and accuracy after every epoch, and the gap between the accuracies.

    Returns:
        The description, quantity (:data:`QUANTITIES` or ``accuracy_gap`` = train - validation accuracy), epoch,
        statistics. Training values are means over the epoch's augmented images, so epoch 0 has none.
    """
    query = f"""
        SELECT run_id, epoch, quantity, value
        FROM (UNPIVOT (SELECT run_id, epoch, {", ".join(QUANTITIES)},
                              train_accuracy - validation_accuracy AS accuracy_gap FROM epochs)
              ON {", ".join(QUANTITIES)}, accuracy_gap INTO NAME quantity VALUE value)"""
    return estimates(records, query, ["quantity", "epoch"])
