"""SSRs that follow, by arithmetic alone, from a published ratio of high-frequency to DC power.

With H the ratio of high-frequency to DC power of a 3 x 3 kernel, as the radial profile has it (two rings beside the DC,
four bins each), the other scale-free definitions follow exactly: total = H / (1 + H), energy = 4 H / (1 + 4 H). For
white kernels, what a random initialisation is on average, H = 2; one draw of a first layer deviates from it with a
standard deviation of about .16 in SSR. SSR = (H_ref - H) / H_ref.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

WHITE = 2.0
"""H of white 3 x 3 kernels: two rings of the DC's power."""
FROM_H: Mapping[str, Callable[[float], float]] = {
    "dc": lambda h: h,
    "total": lambda h: h / (1 + h),
    "energy": lambda h: 4 * h / (1 + 4 * h),
}


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


def implied(ratio: Mapping[str, float]) -> dict[str, float]:
    """SSR of the first layer under every definition that H determines, by the metric's name.

    Args:
        ratio: H (high / DC power) by ``epoch_1`` and ``end``.
    """
    return {
        f"ssr/first/{normalization}/{reference}": suppression(ratio, normalization, reference)
        for normalization in FROM_H
        for reference in ("init", "epoch_1")
    }
