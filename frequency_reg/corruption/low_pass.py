"""Ideal low-pass: nothing above a radius in the Fourier plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption


class LowPass(Corruption):
    """Keeps the frequencies of radius <= r, DC included: ifft2(fft2(x) 1[sqrt(u^2 + v^2) <= r]).

    Source: Wang, Wu, Huang, Xing 2020, "High Frequency Component Helps Explain the Generalization of CNNs", eq. for z_l
    (disc of radius r around DC). u and v are cycles per image, ``fftfreq(n) * n``; on images that are not square,
    cycles per shorter side, so that the disc stays round in cycles per pixel.

    The result is *unclipped*: cutting the spectrum rings, and values may leave [0, 1]. Clipping them would write new
    high frequencies into the image.

    Args:
        radius: r of severities 1..n in cycles per ``relative_to`` pixels; falling, for severity to grow.
        relative_to: the side in pixels that ``radius`` belongs to: r means r L / relative_to cycles per image at a
            shorter side of L. None takes ``radius`` as cycles per image.
    """

    def __init__(
        self,
        *,
        radius: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        relative_to: Annotated[float, Gt(0)] | None,
    ) -> None:
        self.radius = radius
        self.relative_to = relative_to

    @property
    def unit(self) -> str:
        """What the radius counts."""
        return f"radius kept (cycles per {'image' if self.relative_to is None else f'{self.relative_to:g} px'})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal radius of severities 1..n."""
        return self.radius

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        return low_frequencies(images, self.radius[severity - 1], self.relative_to)


def low_frequencies(images: Tensor, radius: float, relative_to: float | None) -> Tensor:
    """The part of images (N, C, H, W) at frequencies of radius <= ``radius``, DC included; see :class:`LowPass`."""
    height, width = images.shape[-2:]
    side = min(height, width)
    cutoff = radius if relative_to is None else radius * side / relative_to
    v = torch.fft.fftfreq(height, dtype=torch.float64) * side
    u = torch.fft.rfftfreq(width, dtype=torch.float64) * side
    # The tolerance keeps what lies on the circle, 3-4-5 triangles say, against rounding.
    kept = (torch.hypot(v[:, None], u[None, :]) <= cutoff + 1e-9).to(images.device)
    # FFTs have no half precision on the CPU.
    spectrum = torch.fft.rfft2(images.to(torch.promote_types(images.dtype, torch.float32)))
    filtered: Tensor = torch.fft.irfft2(spectrum * kept, s=(height, width))
    return filtered.to(images.dtype)
