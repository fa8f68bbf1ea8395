"""Accuracy under gradient attacks against the size of the perturbation."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records


def attack_curves(records: Records) -> pd.DataFrame:
    """Accuracy on the test split under each attack, norm and eps; eps 0 is the clean accuracy on the same images.

    Returns:
        The description, norm (linf or l2), attack, steps and restarts (those of the attack, at eps 0 too), images (how
        many were attacked), eps (norm of the perturbation, pixels in [0, 1]), statistics of the accuracy in [0, 1].
        Empty where no run asked for an attack.
    """
    query = """
        SELECT run_id, norm, attack, max(steps) OVER line AS steps, max(restarts) OVER line AS restarts, n AS images,
               eps, accuracy AS value
        FROM attacks WHERE split = 'test'
        WINDOW line AS (PARTITION BY run_id, norm, attack)"""
    return recorded(records, "attacks", query, ["norm", "attack", "steps", "restarts", "images", "eps"])
