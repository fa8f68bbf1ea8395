"""Which checks for gradient masking each configuration passes."""

from __future__ import annotations

import pandas as pd

from analysis.frames.recorded import recorded
from analysis.load import Records


def gradient_masking(records: Records) -> pd.DataFrame:
    """Every check of every configuration on the test split.

    Returns:
        The description, check_name, tolerance, images (how many were attacked), statistics of the check's value (a rise
        of accuracy, or the accuracy left; in [0, 1]), failed: in how many of the n seeds it is above the tolerance.
        Empty where no run asked for the diagnostic ``gradient_masking``.
    """
    by = ["check_name", "tolerance", "images"]
    rows = 'SELECT run_id, "check" AS check_name, tolerance, n AS images, {} AS value FROM gradient_masking_checks'
    where = " WHERE split = 'test'"
    frame = recorded(records, "gradient_masking_checks", rows.format("value") + where, by)
    verdicts = recorded(records, "gradient_masking_checks", rows.format("(NOT passed)::INT") + where, by)
    verdicts["failed"] = (verdicts["mean"] * verdicts["n"]).round().astype(int)
    return frame.merge(verdicts[["configuration", *by, "failed"]], on=["configuration", *by])
