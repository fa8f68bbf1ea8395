"""Resampling to fewer pixels and back: a low-pass that aliases unless told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch.nn.functional as F
from annotated_types import Ge, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_sizes, scaled_size


class Resize(Corruption):
    """Down to n pixels a side and back up, both bilinear with pixel centres aligned (``align_corners=False``).

    Source: arXiv 2512.22192, resize robustness, n = 28, 24, 20, 16, 12, 10, 8 on 32 x 32 images, without antialias.
    Without antialias the step down keeps frequencies above its own Nyquist limit and folds them onto lower ones: it is
    no clean low-pass (compare :class:`frequency_reg.corruption.low_pass.LowPass`).

    On other image sizes a side of L pixels becomes floor(n L / relative_to + 1/2) pixels, at least 1 and at most L - 1;
    small images may so get the same size at two severities. The recorded parameter stays the nominal n.

    Args:
        size: n of severities 1..n in pixels at a side of ``relative_to``.
        relative_to: the side in pixels that ``size`` belongs to; None takes ``size`` as pixels of the given image.
        antialias: widen the bilinear filter on the way down, so that it averages and does not alias.

    Raises:
        ValueError: a size that is not smaller than ``relative_to``; when called, with ``relative_to`` None, a size that
            is not smaller than the image.
    """

    def __init__(
        self,
        *,
        size: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        relative_to: Annotated[int, Ge(2)] | None,
        antialias: bool,
    ) -> None:
        check_sizes("resize", size, relative_to)
        self.size = size
        self.relative_to = relative_to
        self.antialias = antialias

    @property
    def unit(self) -> str:
        """What the size counts."""
        return "resized to (px)" if self.relative_to is None else f"resized to (px of {self.relative_to})"

    @property
    def parameters(self) -> Sequence[float]:
        """Nominal size of severities 1..n."""
        return self.size

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        nominal = self.size[severity - 1]
        small = [scaled_size("resize", nominal, side, self.relative_to) for side in images.shape[-2:]]
        down = F.interpolate(images, size=small, mode="bilinear", align_corners=False, antialias=self.antialias)
        # Bilinear weights are a convex combination; the clamp takes away only what rounding leaves above 1.
        return F.interpolate(down, size=images.shape[-2:], mode="bilinear", align_corners=False).clamp_(0, 1)
