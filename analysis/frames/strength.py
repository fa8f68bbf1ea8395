"""Metrics against the strength of a regularizer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import metric
from analysis.aggregate import headline
from analysis.formatting import value_text
from analysis.load import Records


def strength_response(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> pd.DataFrame:
    """Metrics against the strength of each regularizer that was run at two or more strengths.

    Configurations with the regularizer ``none`` stand at strength 0, unless strength 0 was run itself.

    Returns:
        The description (``swept`` names the regularizer whose strength is varied), metric, statistics.
    """
    frame = headline(records, metrics)
    # Two variants of one regularizer may share a strength: each is its own line, named without the strength.
    strength = frame["strength"].map(value_text)
    named = zip(frame["label"], frame["regularizer"], strength, strict=True)
    frame["swept"] = [label.replace(f"{name} {value}", name, 1) for label, name, value in named]
    parts = []
    for (context, swept), group in frame.dropna(subset=["strength", "mean"]).groupby(["context", "swept"], sort=False):
        if group["strength"].nunique() < 2:
            continue
        parts.append(group)
        if not (group["strength"] == 0).any():
            none = frame[(frame["context"] == context) & (frame["regularizer"] == "none")]
            parts.append(none.dropna(subset="mean").assign(swept=str(swept), strength=0.0))
    return pd.concat([part for part in parts if len(part)] or [frame.iloc[:0]], ignore_index=True)
