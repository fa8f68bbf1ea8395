"""Balls of images around given ones, and how a gradient is followed within: what attacks and their training share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Ball:
    """All images in [0, 1] within ``eps`` of a given one, in the norm over all its values."""

    norm: Norm
    eps: float

    def project(self, images: Tensor, centres: Tensor) -> Tensor:
        """The points of the ball that stand for images (N, C, H, W): exactly the nearest ones for ``linf``.

        For ``l2`` first the nearest point in the ball, then the nearest in [0, 1]; as the centre is in [0, 1], the
        second step only moves towards it.
        """
        if self.norm == "linf":
            return images.clamp(centres - self.eps, centres + self.eps).clamp_(0, 1)
        change = images - centres
        length = _length(change).clamp_min(torch.finfo(change.dtype).tiny)
        return (centres + change * (self.eps / length).clamp_max(1)).clamp_(0, 1)

    def steepest(self, gradient: Tensor) -> Tensor:
        """The direction of norm 1 along which a function of this gradient (N, C, H, W) rises most; 0 where it is 0."""
        if self.norm == "linf":
            return gradient.sign()
        # Scaled by the largest value first: the squares of tiny gradients would be 0.
        scaled = gradient / gradient.abs().amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
        return scaled / _length(scaled).clamp_min(torch.finfo(gradient.dtype).tiny)

    def random(self, centres: Tensor, generator: Generator) -> Tensor:
        """Points drawn uniformly from the ball around images (N, C, H, W), then clipped to [0, 1]."""
        shape, values = centres.shape, math.prod(centres.shape[1:])
        if self.norm == "linf":
            offset = torch.rand(shape, generator=generator).mul_(2).sub_(1)
        else:
            offset = torch.randn(shape, generator=generator)
            length = torch.rand(len(centres), 1, 1, 1, generator=generator) ** (1 / values)
            offset *= length / _length(offset)
        return self.project(centres + self.eps * offset.to(centres.device), centres)

    def climb(
        self, gradient: Callable[[Tensor], Tensor], centres: Tensor, *, start: Tensor, steps: int, step_size: float
    ) -> Tensor:
        """Projected gradient ascent: ``x <- project(x + step_size steepest(gradient(x)))``, ``steps`` times.

        Args:
            gradient: of what shall rise, for images (N, C, H, W), each by itself.
            centres: (N, C, H, W) in [0, 1].
            start: (N, C, H, W) in the ball.
            steps: gradient steps.
            step_size: norm of a step, in the ball's norm.
        """
        found = start
        for _ in range(steps):
            found = self.project(found + step_size * self.steepest(gradient(found)), centres)
        return found


def _length(values: Tensor) -> Tensor:
    """L2 norm of each image, (N, 1, 1, 1)."""
    length: Tensor = torch.linalg.vector_norm(values, dim=(1, 2, 3), keepdim=True)
    return length
