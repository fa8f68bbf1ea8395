"""Fog: a random cloud over the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Gt, MinLen
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each


class Fog(Corruption):
    """(x + a p) M / (M + a), with p a plasma fractal in [0, 1] and M the largest value of the image.

    All channels share p, so that grey images need no rule of their own. The map of p is square, its side the least
    power of two that covers the image, of which the image sees the upper left corner: the cloud grows with the image,
    and its finest grain is always one pixel. An image of zeros stays as it is (M = 0).

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: results are not
    truncated to 8 bits.

    Args:
        amplitude: a of severities 1..n, pixels in [0, 1].
        decay: by how much the roughness of p falls each time its grid is halved, severities 1..n; see :func:`plasma`.

    Raises:
        ValueError: lists of different lengths.
    """

    def __init__(
        self,
        *,
        amplitude: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        decay: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
    ) -> None:
        check_one_value_each("fog", {"amplitude": amplitude, "decay": decay})
        self.amplitude = amplitude
        self.decay = decay

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "fog amplitude (pixels in [0, 1])"

    @property
    def parameters(self) -> Sequence[float]:
        """The amplitude of severities 1..n."""
        return self.amplitude

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        amplitude = self.amplitude[severity - 1]
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        (n, _, height, width), longest = pixels.shape, max(pixels.shape[-2:])
        cloud = plasma(n, max(2, 1 << (longest - 1).bit_length()), self.decay[severity - 1], generator)
        cloud = cloud[:, None, :height, :width].to(pixels)
        largest = pixels.amax((1, 2, 3), keepdim=True)
        dimming = largest / (largest + amplitude)
        return torch.addcmul(dimming * amplitude * cloud, pixels, dimming).clamp_(max=1).to(images.dtype)


def plasma(n: int, side: int, decay: float, generator: Generator) -> Tensor:
    """n height maps (n, side, side) in [0, 1], periodic in both directions, by the diamond-square algorithm.

    From one zero at the corner the grid is halved until its points are pixels. A new point is the mean of its four
    neighbours, the centres of squares first and then the middles of their edges, plus w^2 U(-1, 1); w is 100 at first
    and w / ``decay`` after each halving. Here it starts at 1: the scale is lost when the map is stretched to [0, 1].

    Args:
        n: how many maps.
        side: a power of two, at least 2.
        decay: see above; 1 gives rough maps, large values smooth ones.
        generator: side^2 - 1 uniform draws are taken for each map, one map after the other.

    Source: Fournier, Fussell, Carpenter 1982, "Computer Rendering of Stochastic Models"; the periodic form of the
    reference.
    """
    draws = torch.rand(n, side * side - 1, generator=generator).mul_(2).sub_(1)
    corner, used, roughness = torch.zeros(n, 1, 1), 0, 1.0
    while corner.shape[1] < side:
        points = corner.shape[1]
        fresh = draws[:, used : used + 3 * points**2].view(n, 3, points, points) * roughness
        right, below = corner.roll(-1, 2), corner.roll(-1, 1)
        centre = (corner + right).add_(below).add_(right.roll(-1, 1)).mul_(0.25).add_(fresh[:, 0])
        top = right.add_(corner).add_(centre).add_(centre.roll(1, 1)).mul_(0.25).add_(fresh[:, 1])
        left = below.add_(corner).add_(centre).add_(centre.roll(1, 2)).mul_(0.25).add_(fresh[:, 2])
        upper, lower = torch.stack((corner, top), 3), torch.stack((left, centre), 3)
        corner = torch.stack((upper, lower), 2).view(n, 2 * points, 2 * points)
        used, roughness = used + 3 * points**2, roughness / decay**2
    low, high = corner.amin((1, 2), keepdim=True), corner.amax((1, 2), keepdim=True)
    return corner.sub_(low).div_(high - low)
