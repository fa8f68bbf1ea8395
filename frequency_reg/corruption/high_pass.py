"""Ideal high-pass: nothing up to a radius in the Fourier plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.low_pass import low_frequencies


class HighPass(Corruption):
    """Keeps the frequencies of radius > r: the exact complement x - low_pass(x, r).

    Source: Wang, Wu, Huang, Xing 2020, "High Frequency Component Helps Explain the Generalization of CNNs", eq. for z_h
    (what lies outside the disc, so that z_l + z_h = z). DC lies inside every disc, so the published convention has
    images of mean 0 in every channel; ``keep_mean`` gives each image its channel means back, which keeps the pixels
    near those that the model has seen. Frequencies as in :class:`frequency_reg.corruption.low_pass.LowPass`.

    The result is *unclipped*: without the mean, values lie on both sides of 0.

    Args:
        radius: r of severities 1..n in cycles per ``relative_to`` pixels; rising, for severity to grow.
        relative_to: the side in pixels that ``radius`` belongs to: r means r L / relative_to cycles per image at a
            shorter side of L. None takes ``radius`` as cycles per image.
        keep_mean: add the mean of each image and channel to the result.
    """

    def __init__(
        self,
        *,
        radius: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        relative_to: Annotated[float, Gt(0)] | None,
        keep_mean: bool,
    ) -> None:
        self.radius = radius
        self.relative_to = relative_to
        self.keep_mean = keep_mean

    @property
    def unit(self) -> str:
        """What the radius counts."""
        return f"radius removed (cycles per {'image' if self.relative_to is None else f'{self.relative_to:g} px'})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal radius of severities 1..n."""
        return self.radius

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        high = images - low_frequencies(images, self.radius[severity - 1], self.relative_to)
        return high + images.mean((-2, -1), keepdim=True) if self.keep_mean else high
