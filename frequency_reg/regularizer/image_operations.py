"""The nine augmentations of AugMix that are no corruption of CIFAR-10-C, on batches of images in [0, 1].

Each takes images (M, C, H, W) and their levels (M,), 0 to 10 as in AutoAugment (Cubuk et al. 2019), and gives images of
the same shape. The sign of a level is the direction of a movement; what has no direction takes the absolute value.
Pixels count in 256 steps where a method is defined on bytes. Outside of the image lies black.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Operation = Callable[[Tensor, Tensor], Tensor]

MOST = 10.0
"""The highest level."""


def autocontrast(images: Tensor, level: Tensor) -> Tensor:  # noqa: ARG001
    """Stretches each channel to [0, 1]; one of a single value stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    width = high - low
    return torch.where(width > 0, (images - low) / width.clamp_min(1e-12), images)


def equalize(images: Tensor, level: Tensor) -> Tensor:  # noqa: ARG001
    """Gives each channel a flat histogram, by the look-up table of PIL's ``ImageOps.equalize``.

    ``v -> min(255, (step // 2 + pixels below v) // step)`` in 256 steps, with ``step = (pixels - pixels of the highest
    value) // 255``; at a step of 0 nothing changes.
    """
    values = (images * 255).round().long().flatten(2).flatten(0, 1).contiguous()
    in_order = values.sort(dim=1).values
    below = torch.searchsorted(in_order, values)
    highest = values.shape[1] - torch.searchsorted(in_order, in_order[:, -1:].contiguous())
    step = (values.shape[1] - highest) // 255
    looked_up = ((step // 2 + below) // step.clamp_min(1)).clamp_max(255)
    return torch.where(step > 0, looked_up, values).to(images.dtype).div_(255).view_as(images)


def posterize(images: Tensor, level: Tensor) -> Tensor:
    """Keeps the 4 highest bits of every value, at level 10 none: ``4 - int(.4 level)``."""
    bits = 4 - (level.abs() * 4 / MOST).floor()
    coarse = _each(2 ** (8 - bits))
    return ((images * 255).round() / coarse).floor().mul_(coarse).div_(255)


def solarize(images: Tensor, level: Tensor) -> Tensor:
    """Inverts values of ``256 - int(25.6 level)`` and above, in 256 steps."""
    threshold = _each(256 - (level.abs() * 256 / MOST).floor())
    return torch.where((images * 255).round() >= threshold, 1 - images, images)


def rotate(images: Tensor, level: Tensor) -> Tensor:
    """Turns about the centre by 3 degrees a level, to the left where it is positive."""
    angle = level * (30 / MOST) * (torch.pi / 180)
    side = images.shape[2] / images.shape[3]
    zero = torch.zeros_like(angle)
    return _moved(images, (angle.cos(), -angle.sin() * side, zero), (angle.sin() / side, angle.cos(), zero))


def shear_x(images: Tensor, level: Tensor) -> Tensor:
    """A pixel of row y shows what lies .03 level y to the right."""
    shift = level * (0.3 / MOST) * images.shape[2] / images.shape[3]
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _moved(images, (one, shift, shift), (zero, one, zero))


def shear_y(images: Tensor, level: Tensor) -> Tensor:
    """A pixel of column x shows what lies .03 level x below."""
    shift = level * (0.3 / MOST) * images.shape[3] / images.shape[2]
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _moved(images, (one, zero, zero), (shift, one, shift))


def translate_x(images: Tensor, level: Tensor) -> Tensor:
    """Moves to the left by a thirtieth of the width a level."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _moved(images, (one, zero, level * (2 / 3 / MOST)), (zero, one, zero))


def translate_y(images: Tensor, level: Tensor) -> Tensor:
    """Moves up by a thirtieth of the height a level."""
    one, zero = torch.ones_like(level), torch.zeros_like(level)
    return _moved(images, (one, zero, zero), (zero, one, level * (2 / 3 / MOST)))


OPERATIONS: tuple[Operation, ...] = (
    autocontrast,
    equalize,
    posterize,
    rotate,
    solarize,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
)


def _moved(images: Tensor, across: tuple[Tensor, ...], down: tuple[Tensor, ...]) -> Tensor:
    """Bilinear samples at affine places, coordinates from -1 to 1 between the image's edges, black outside."""
    theta = torch.stack([torch.stack(across, dim=1), torch.stack(down, dim=1)], dim=1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _each(values: Tensor) -> Tensor:
    """(M,) -> (M, 1, 1, 1): one value an image."""
    return values.view(-1, 1, 1, 1)
