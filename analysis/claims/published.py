"""What published numbers say of a claim under each definition: as published, or by arithmetic from that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.claims.claim import Side
from analysis.published.ssr import implied


def difference(
    study: Mapping[str, Any], treated: Side, baseline: Side | None, definition: str
) -> tuple[float | None, bool]:
    """The published difference treated - baseline, and whether it was computed and not printed; None if neither is.

    Args:
        study: one of :func:`analysis.claims.claim.studies`.
        definition: name of a metric, or of a quantity in the study's ``values``.
    """
    if baseline is None:
        return study.get("values", {}).get(definition), False
    above, below = (_value(study, side.label, definition) for side in (treated, baseline))
    if above is None or below is None:
        return None, False
    return above[0] - below[0], above[1] or below[1]


def _value(study: Mapping[str, Any], label: str, definition: str) -> tuple[float, bool] | None:
    rows = {Side(row["regularizer"], row["strength"]).label: row["values"] for row in study["rows"]}
    values = rows.get(label, {})
    head, _, rest = definition.partition("/")
    clean, corrupted = values.get("clean_accuracy"), values.get(f"accuracy/{rest}")
    if definition in values:
        return values[definition], False
    if head in ("drop", "relative_robustness") and clean is not None and corrupted is not None:
        return (clean - corrupted if head == "drop" else corrupted / clean), True
    ratio = study.get("high_to_dc", {}).get(label)
    if ratio is not None and definition in (computed := implied(ratio)):
        return computed[definition], True
    return None
