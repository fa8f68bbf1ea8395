"""JPEG compression: blocks of eight pixels, coarse high frequencies, half the colour."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le, MinLen
from PIL import Image
from torch import Generator, Tensor

from frequency_reg.corruption.base import Corruption

_ROWS = 16384
"""Rows of pixels coded at once; a JPEG holds 65,500."""


class JpegCompression(Corruption):
    """Encoded as baseline JPEG of a quality and decoded again, to the bit as Pillow (libjpeg) does one image.

    Chroma is halved in both directions (4:2:0), Pillow's default. Images of three channels are RGB; at any other number
    each channel is a grey JPEG of its own. Pixels are rounded to 8 bits, and the work is done on the CPU, whatever the
    device of the images.

    Blocks of 8 x 8 samples know nothing of each other, so that the planes of many images go through the codec as one
    tall grey JPEG. What mixes samples of different blocks, halving and doubling the chroma, is done here, within each
    image and in libjpeg's whole numbers; see :func:`halved`, :func:`doubled`.

    Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261; constants of make_cifar_c. Deviation: none. A block is
    8 x 8 pixels of the given image whatever its size, so that larger images lose finer detail only.

    Args:
        quality: of severities 1..n, libjpeg's 1 (worst) to 100; falling, for severity to grow.
    """

    def __init__(self, *, quality: Annotated[list[Annotated[int, Ge(1), Le(100)]], MinLen(1)]) -> None:
        self.quality = quality

    @property
    def unit(self) -> str:
        """See :attr:`Corruption.unit`."""
        return "JPEG quality"

    @property
    def parameters(self) -> Sequence[float]:
        """The quality of severities 1..n."""
        return self.quality

    def corrupt(self, images: Tensor, severity: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """See :meth:`Corruption.corrupt`; nothing is random here."""
        fine, coarse = quantisation(self.quality[severity - 1])
        # Rounding, not truncation: float pixels of 8-bit images come back to the very bytes they were.
        pixels = images.to(device="cpu", dtype=torch.float32).mul(255).round_()
        if pixels.shape[1] == 3:
            height, width = pixels.shape[-2:]
            luma, chroma = to_luma_and_chroma(pixels.int())
            seen = coded(halved(chroma), coarse)[..., : (height + 1) // 2, : (width + 1) // 2]
            decoded = to_rgb(coded(luma, fine), doubled(seen)[..., :height, :width])
        else:
            decoded = coded(pixels, fine)
        return decoded.to(images.device, torch.float32).div_(255).to(images.dtype)


def quantisation(quality: int) -> tuple[list[int], list[int]]:
    """Pillow's quantisation tables of luma and of chroma at a quality, 64 steps each."""
    file = BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as probe:
        tables: dict[int, list[int]] = probe.quantization  # type: ignore[attr-defined]
    return tables[0], tables[1]


def coded(planes: Tensor, table: list[int]) -> Tensor:
    """Planes (N, C, H, W) of whole numbers 0..255, each encoded and decoded as a grey JPEG; int32.

    Sides are filled up to whole blocks by repeating the last row and column, as libjpeg does.
    """
    n, channels, height, width = planes.shape
    filled = F.pad(planes.float(), (0, -width % 8, 0, -height % 8), mode="replicate").byte().flatten(0, 1)
    parts = [_recoded(part, table) for part in filled.split(max(1, _ROWS // filled.shape[1]))]
    return torch.cat(parts)[:, :height, :width].reshape(n, channels, height, width).int()


def _recoded(planes: Tensor, table: list[int]) -> Tensor:
    """Planes (N, H, W) of bytes, whole blocks, through one JPEG in which they lie one below the other."""
    size, file = (planes.shape[2], planes.shape[0] * planes.shape[1]), BytesIO()
    tall = Image.frombuffer("L", size, planes.contiguous().numpy().tobytes(), "raw", "L", 0, 1)
    tall.save(file, "JPEG", qtables=[table])
    with Image.open(file, formats=["JPEG"]) as opened:
        return torch.frombuffer(bytearray(opened.tobytes()), dtype=torch.uint8).view(planes.shape)


def _fixed(value: float) -> int:
    return int(value * 65536 + 0.5)


def to_luma_and_chroma(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """RGB (N, 3, H, W), int32 0..255 -> luma (N, 1, H, W) and chroma (N, 2, H, W), int32, by JFIF's matrix in 2^-16."""
    red, green, blue = rgb.unbind(1)
    half, middle = 1 << 15, 128 << 16
    luma = red * _fixed(0.299) + green * _fixed(0.587) + blue * _fixed(0.114) + half
    bluish = blue * half - red * _fixed(0.168735892) - green * _fixed(0.331264108) + (middle + half - 1)
    reddish = red * half - green * _fixed(0.418687589) - blue * _fixed(0.081312411) + (middle + half - 1)
    return (luma >> 16).unsqueeze(1), torch.stack((bluish >> 16, reddish >> 16), 1)


def to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Luma (N, 1, H, W) and chroma (N, 2, H, W), int32 0..255 -> RGB (N, 3, H, W), the inverse in 2^-16, clipped."""
    bluish, reddish = (chroma - 128).unbind(1)
    half = 1 << 15
    red = (reddish * _fixed(1.402) + half) >> 16
    green = (half - bluish * _fixed(0.34414) - reddish * _fixed(0.71414)) >> 16
    blue = (bluish * _fixed(1.772) + half) >> 16
    return torch.stack((red, green, blue), 1).add_(luma).clamp_(0, 255)


def halved(planes: Tensor) -> Tensor:
    """Planes (N, C, H, W), int32 -> (N, C, ceil(H / 2), ceil(W / 2) up to whole blocks): means of 2 x 2 pixels.

    Halves are rounded down and up in turn along a row. The last column is repeated before the halving up to whole
    blocks, the last row after it, which :func:`coded` does.
    """
    height, width = planes.shape[-2:]
    filled = F.pad(planes.float(), (0, -width % 16, 0, height % 2), mode="replicate").int()
    sums = filled[..., ::2, :] + filled[..., 1::2, :]
    sums = sums[..., ::2] + sums[..., 1::2]
    return (sums + (1 + torch.arange(sums.shape[-1], dtype=torch.int32) % 2)) >> 2


def doubled(planes: Tensor) -> Tensor:
    """Planes (N, C, H, W), int32 -> (N, C, 2 H, 2 W): 3/4 of the nearer and 1/4 of the farther sample each way.

    libjpeg's "fancy upsampling": halves of a whole number are rounded up and down in turn along a row. A plane of one
    or two columns is plainly repeated.
    """
    if planes.shape[-1] <= 2:
        return planes.repeat_interleave(2, -2).repeat_interleave(2, -1)
    around = F.pad(planes.float(), (1, 1, 1, 1), mode="replicate").int()
    here = 3 * around[..., 1:-1, :]
    rows = torch.stack((here + around[..., :-2, :], here + around[..., 2:, :]), -2).flatten(-3, -2)
    near = 3 * rows[..., 1:-1]
    columns = torch.stack((near + rows[..., :-2] + 8, near + rows[..., 2:] + 7), -1).flatten(-2)
    return columns >> 4
