"""What published numbers say of a claim under each definition: as published, or by arithmetic from that.

With H the ratio of high-frequency to DC power of a 3 x 3 kernel, as the radial profile has it (two rings beside the DC,
four bins each), the other scale-free definitions follow exactly: total = H / (1 + H), energy = 4 H / (1 + 4 H). For
white kernels, what a random initialisation is on average, H = 2; one draw of a first layer deviates from it with a
standard deviation of about .16 in SSR. SSR = (H_ref - H) / H_ref.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analysis.claims import Side

WHITE = 2.0
"""H of white 3 x 3 kernels: two rings of the DC's power."""
FROM_H: Mapping[str, Callable[[float], float]] = {
    "dc": lambda h: h,
    "total": lambda h: h / (1 + h),
    "energy": lambda h: 4 * h / (1 + 4 * h),
}


def difference(
    study: Mapping[str, Any], treated: Side, baseline: Side | None, definition: str
) -> tuple[float | None, bool]:
    """The published difference treated - baseline, and whether it was computed and not printed; None if neither is.

    Args:
        study: one of :func:`analysis.claims.studies`.
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
    if head == "ssr" and ratio is not None:
        position, normalization, reference = rest.rsplit("/", 2)
        if position == "first" and normalization in FROM_H:
            return suppression(ratio, normalization, reference), True
    return None


def suppression(ratio: Mapping[str, float], normalization: str, reference: str) -> float:
    """SSR at the end of training from H at the end and H of the reference.

    Args:
        ratio: H (high / DC power) by ``epoch_1`` and ``end``.
        normalization: ``dc``, ``total`` or ``energy``.
        reference: ``epoch_1``, or ``init`` for white kernels.
    """
    of = FROM_H[normalization]
    start = of(WHITE if reference == "init" else ratio["epoch_1"])
    return (start - of(ratio["end"])) / start
