"""Frost: crops of photographs of ice added to the image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le, MinLen
from PIL import Image
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.constants import check_one_value_each, length_scale
from frequency_reg.corruption.luminance import luminance

PACKAGE = "imagecorruptions"
"""The package on the Python index whose files the photographs are."""

FILES = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")


class Album(NamedTuple):
    """Photographs of one scale, one after the other, row by row."""

    pixels: Tensor
    """(C, P), all pixels in [0, 1], float32."""
    starts: Tensor
    """(photographs,) where each begins along P."""
    sizes: Tensor
    """(photographs, 2) height and width in pixels."""


class Frost(Corruption):
    """a x + b f, clipped to [0, 1], with f a random crop of one of five photographs of frost.

    The photographs are sampled bilinearly at ``photo_scale`` of their size without antialias, at the published fifth
    just the centre of every 5 x 5 pixels. Photograph and place are uniform; the crop's last possible row and column
    are never drawn, and the sixth photograph is never used: both as in the reference. Images of one channel (of any
    number but three) get the photograph's BT.601 luma.

    On other image sizes the photographs are scaled by ``photo_scale`` L / relative_to with L the longer side, so that
    the ice is as large in the image as it was.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c; photographs from the package
    ``imagecorruptions`` (Michaelis et al. 2019, arXiv 1907.07484), whose files are read and whose code is not run.
    Deviation: results are not truncated to 8 bits. With these constants the mean squared distortion falls from severity
    3 to 5: the image loses weight, and the ice hardly gains any.

    Args:
        image: a of severities 1..n, the weight of the image.
        frost: b of severities 1..n, the weight of the photograph.
        photo_scale: size of the photographs in use, in units of their own size, at a side of ``relative_to``.
        relative_to: the side in pixels that ``photo_scale`` belongs to; None takes it as it is at every size.

    Raises:
        ValueError: lists of different lengths, or the package with the photographs is not installed; when called,
            images larger than a scaled photograph.
    """

    def __init__(
        self,
        *,
        image: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        frost: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        photo_scale: Annotated[float, Gt(0), Le(10)],
        relative_to: Annotated[float, Ge(1)] | None,
    ) -> None:
        check_one_value_each("frost", {"image": image, "frost": frost})
        self.image = image
        self.frost = frost
        self.photo_scale = photo_scale
        self.relative_to = relative_to
        photographs()  # a missing package must show before a run trains

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "weight of the frost"

    @property
    def parameters(self) -> Sequence[float]:
        """The frost's weight of severities 1..n."""
        return self.frost

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:
        """See :meth:`Corruption.corrupt`."""
        pixels = images.to(torch.promote_types(images.dtype, torch.float32))
        n, channels, height, width = images.shape
        scale = self.photo_scale * length_scale(max(height, width), self.relative_to)
        sizes = torch.tensor([[int(side * scale) for side in photograph.shape[:2]] for photograph in photographs()])
        if (sizes < torch.tensor([height, width])).any():
            smallest = " x ".join(str(size) for size in sizes.amin(0).tolist())
            raise ValueError(
                f"corruption.frost.photo_scale={self.photo_scale}: images of {height} x {width} pixels do not fit into "
                f"photographs scaled down to {smallest}; choose a larger scale, or set corruption.frost.relative_to"
            )
        found = album(scale, coloured=channels == 3)
        crops = _crops(found, torch.rand(n, 3, generator=generator), height, width).to(pixels)
        weighted = crops.mul_(self.frost[severity - 1])
        return torch.add(weighted, pixels, alpha=self.image[severity - 1]).clamp_(max=1).to(images.dtype)


def _crops(found: Album, draws: Tensor, height: int, width: int) -> Tensor:
    """Crops (N, C, height, width) for uniform ``draws`` (N, 3) in [0, 1): photograph, row, column."""
    which = (draws[:, 0] * len(found.starts)).long()
    sizes = found.sizes[which]
    room = (sizes - torch.tensor([height, width])).clamp_(min=1)
    top, left = (draws[:, 1:] * room).long().unbind(1)
    wide = sizes[:, 1]
    corners = found.starts[which] + top * wide + left
    rows = corners[:, None] + torch.arange(height) * wide[:, None]
    channels, count = found.pixels.shape
    places = rows[:, None] + count * torch.arange(channels)[:, None]
    # Every stretch of `width` pixels as a row of a table without copies: rows of crops are gathered whole.
    return found.pixels.flatten().unfold(0, width, 1)[places]


@lru_cache(maxsize=4)
def album(scale: float, *, coloured: bool) -> Album:
    """All photographs at a scale, in RGB or as luma (one channel)."""
    scaled = []
    for photograph in photographs():
        batch = photograph.permute(2, 0, 1)[None].float() / 255
        small = F.interpolate(batch, scale_factor=scale, mode="bilinear", recompute_scale_factor=False)
        scaled.append((small if coloured else luminance(small))[0])
    sizes = torch.tensor([photograph.shape[-2:] for photograph in scaled])
    ends = sizes.prod(1).cumsum(0)
    return Album(torch.cat([photograph.flatten(1) for photograph in scaled], 1), ends - sizes.prod(1), sizes)


@cache
def photographs() -> tuple[Tensor, ...]:
    """The five photographs (H, W, 3) as uint8, decoded once per process.

    Raises:
        ValueError: the package is not installed, or a photograph is missing from it.
    """
    try:
        files = {path.name: Path(str(path.locate())) for path in metadata.files(PACKAGE) or []}
    except metadata.PackageNotFoundError:
        files = {}
    missing = [name for name in FILES if name not in files or not files[name].is_file()]
    if missing:
        raise ValueError(
            f"corruption.frost: the photographs {', '.join(missing)} of the package {PACKAGE} are not installed; "
            "pip install 'frequency-reg[corruptions]', or leave frost out of corruption=[...]"
        )
    decoded = (np.asarray(Image.open(files[name]).convert("RGB")) for name in FILES)
    return tuple(torch.from_numpy(pixels.copy()) for pixels in decoded)
