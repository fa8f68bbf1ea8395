"""Gaussian blur: a smooth low-pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.filter_matrix import Border, filter_matrix, gaussian_weights


class GaussianBlur(Corruption):
    """Convolution with w(i) w(j), w(i) = exp(-i^2 / (2 sigma^2)) / sum, |i| <= (k - 1) / 2.

    Source: arXiv 2512.22192, robustness to blur, k = 3, 5, 7, 9, 11 pixels on 32 x 32 images with sigma = .3 k + .8.
    That rule is *not* torchvision's (and OpenCV's) default sigma = .3 ((k - 1) / 2 - 1) + .8 = .15 k + .35: at k = 3 it
    gives 1.7 and not .8, so that the kernel is nearly a box. ``sigma`` sets it freely.

    The preset ``gaussian_blur_c`` has the constants of Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261
    (make_cifar_c): sigma = .4, .6, .7, .8, 1, kernels up to 4 sigma, rounded, and borders continued, which is
    scikit-image's default. Deviation: the result is not truncated to 8 bits.

    Kernel sizes and sigma are pixels of the given image, whatever its size.

    Args:
        kernel_size: k of severities 1..n in pixels; odd.
        sigma: standard deviations in pixels, one a kernel size, and the recorded parameter then; None means .3 k + .8.
        border: what stands beyond the border: the image mirrored without (``reflect``) or with (``symmetric``) its
            border pixel repeated, or the border pixel (``edge``). Along a side of (k - 1) / 2 pixels or fewer, too
            short for a mirror, ``reflect`` is ``edge``.

    Raises:
        ValueError: an even kernel size, or a ``sigma`` list of another length than ``kernel_size``.
    """

    def __init__(
        self,
        *,
        kernel_size: Annotated[list[Annotated[int, Ge(3)]], MinLen(1)],
        sigma: list[Annotated[float, Gt(0)]] | None,
        border: Border,
    ) -> None:
        even = [k for k in kernel_size if k % 2 == 0]
        if even:
            raise ValueError(f"corruption.gaussian_blur.kernel_size={kernel_size}: {even[0]} is even; choose odd sizes")
        if sigma is not None and len(sigma) != len(kernel_size):
            raise ValueError(
                f"corruption.gaussian_blur.sigma={sigma}: {len(sigma)} values for the {len(kernel_size)} of "
                "kernel_size; give one each, or null for 0.3 k + 0.8"
            )
        self.kernel_size = kernel_size
        self.border: Border = border
        self.sigma = [0.3 * k + 0.8 for k in kernel_size] if sigma is None else sigma
        self._by_size = sigma is None

    @property
    def unit(self) -> str:
        """What the parameter counts."""
        return "blur kernel size (px)" if self._by_size else "blur σ (px)"

    @property
    def parameters(self) -> Sequence[float]:
        """Kernel size of severities 1..n, or sigma where it was given."""
        return self.kernel_size if self._by_size else self.sigma

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        down, across = (self._matrix(side, severity).to(images) for side in images.shape[-2:])
        # A convex combination; the clamp takes away only what rounding leaves above 1.
        return (down @ images @ across.T).clamp_(0, 1)

    def _matrix(self, side: int, severity: int) -> Tensor:
        """(side, side) matrix that blurs a column of ``side`` pixels; float64."""
        half = self.kernel_size[severity - 1] // 2
        too_short = self.border == "reflect" and half >= side
        return filter_matrix(
            gaussian_weights(self.sigma[severity - 1], half), side, "edge" if too_short else self.border
        )
