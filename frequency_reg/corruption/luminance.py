"""Grey and colour: how corruptions that paint in colour treat images of one channel."""

from __future__ import annotations

import torch
from torch import Tensor

WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue in luma, ITU-R BT.601, section 2.5.1."""


def luminance(images: Tensor) -> Tensor:
    """Brightness (N, 1, H, W) of images (N, C, H, W): BT.601 luma of RGB, the channels' mean at any other C."""
    channels = images.shape[1]
    weights = WEIGHTS if channels == 3 else (1 / channels,) * channels
    brightness = images[:, :1] * weights[0]
    for channel in range(1, channels):
        brightness.add_(images[:, channel : channel + 1], alpha=weights[channel])
    return brightness


def paint(rgb: tuple[float, float, float], images: Tensor) -> Tensor:
    """A colour as (1, C, 1, 1) for ``images`` (N, C, H, W): RGB at C = 3, else its BT.601 luma in every channel."""
    channels = images.shape[1]
    luma = sum(weight * value for weight, value in zip(WEIGHTS, rgb, strict=True))
    values = rgb if channels == 3 else (luma,) * channels
    return torch.tensor(values, dtype=images.dtype, device=images.device).view(1, -1, 1, 1)
