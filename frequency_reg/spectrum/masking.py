"""A real mask on the 2-D spectrum of real signals: by matrix products with real sines and cosines, or by the FFT.

The products are for a CPU, the FFT is for a GPU. With R_n the orthonormal real DFT basis of n samples (rows: mean,
cosines, for even n the alternating row, sines) the coefficients of a signal x are ``s = R_h x R_w^T``. A bin (u, v) of
the complex DFT and its conjugate are one plane wave, a cosine and a sine of ``2 pi (u y / n_h + v x / n_w)``, which are
combinations of products of the rows::

    cos(a + b) = cc - ss    sin(a + b) = sc + cs        bin ( u, v), masked by M(u, v)
    cos(a - b) = cc + ss    sin(a - b) = sc - cs        bin (-u, v), masked by M(-u, v)

so that masking mixes each coefficient with its partner, in which both rows change between sine and cosine::

    P = (M(u, v) + M(-u, v)) / 2        Q = (M(-u, v) - M(u, v)) / 2
    cc' = P cc + Q ss    ss' = P ss + Q cc    sc' = P sc - Q cs    cs' = P cs - Q sc

and the masked signal is ``R_h^T s' R_w``, of which only the wanted rows and columns are computed. At the sizes of
CIFAR's layers this is several times faster on a CPU than ``irfft2(M . rfft2(x))``, which it equals
(`benchmarks/mask_layer.py`): the products run at the speed of a convolution and need no complex numbers. On a GPU the
many small products are the slower way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

THRESHOLD = 0.5
"""A learned mask M keeps the bins with M >= this (Guo and Ouyang 2020)."""


def masked_spectrum(
    x: Tensor,
    mask: Tensor,
    forward_mask: Tensor,
    backward_mask: Tensor,
    rows: slice,
    columns: slice,
    by: Literal["products", "fft"] | None = None,
) -> Tensor:
    """``irfft2(rfft2(x) . forward_mask)`` at some pixels, with gradients that are given other masks to go through.

    With S = rfft2(x) and dS_hat the gradient with respect to the masked spectrum (Guo and Ouyang 2020, Algorithm 1,
    arXiv 2007.03244; both conjugates of a bin counted)::

        dmask = Re(sum_batch conj(S) . dS_hat)          dx = irfft2(rfft2(dy) . backward_mask)

    Args:
        x: (N, C, n_h, n_w) real; fastest in channels_last memory.
        mask: (C or 1, n_h, n_w // 2 + 1), what receives the gradient dmask. Its values are not read.
        forward_mask, backward_mask: the same shape. In columns 0 and (even n_w) n_w / 2 the bins h and n_h - h hold the
            same value.
        rows, columns: the window that is wanted, steps included.
        by: how; None is the faster one on the device of ``x``.

    Returns:
        (N, C, the window's height, its width).
    """
    fft = x.device.type != "cpu" if by is None else by == "fft"
    kernel: Any = _ByFFT if fft else _ByProducts
    found: Tensor = kernel.apply(x, mask, forward_mask, backward_mask, rows, columns)
    return found


def tied_half_plane(mask: Tensor, width: int) -> Tensor:
    """(..., n_h, width // 2 + 1) with rows h > n_h / 2 of columns 0 and (even width) width / 2 replaced by n_h - h.

    These bins are each other's conjugates, so that without the ties the mask of a real map would not be the one said;
    the other columns' conjugates are not stored. By slices: the gradient of a gather sums by index, which a GPU does
    deterministically at many times the price.
    """
    n_h = mask.shape[-2]
    tied = torch.cat([mask[..., : n_h // 2 + 1, :], mask[..., 1 : (n_h + 1) // 2, :].flip(-2)], dim=-2)
    own = slice(1, (width + 1) // 2)
    return torch.cat([tied[..., :1], mask[..., own], tied[..., own.stop :]], dim=-1)


def column_counts(width: int, device: torch.device | None = None) -> Tensor:
    """How many bins of the full plane each column of a half plane stands for: (width // 2 + 1,) float64, 1 or 2.

    1 in columns 0 and (even width) width / 2, whose conjugates stand in the half plane too.
    """
    column = torch.arange(width // 2 + 1, device=device)
    return torch.where((column == 0) | (2 * column == width), 1.0, 2.0).double()


@lru_cache(maxsize=64)
def real_basis(n: int, dtype: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
    """The orthonormal real DFT basis R (n, n): row k is the cosine of k cycles, row n // 2 + k the sine.

    Row 0 is the mean, row n / 2 of even n the alternating row. ``R @ R.T`` is the identity.
    """
    with torch.inference_mode(False):  # what is kept here may be saved for a backward pass later
        angle = 2 * torch.pi / n * torch.outer(torch.arange(n // 2 + 1), torch.arange(n)).double()
        scale = torch.full((n // 2 + 1, 1), (2 / n) ** 0.5, dtype=torch.float64)
        scale[0] = n**-0.5
        if n % 2 == 0:
            scale[-1] = n**-0.5
        pairs = (n - 1) // 2
        basis = torch.cat([scale * angle.cos(), scale[1 : pairs + 1] * angle[1 : pairs + 1].sin()])
        return basis.to(dtype=dtype, device=device)


class _ByFFT(torch.autograd.Function):
    """See :func:`masked_spectrum`. Columns of the half plane whose conjugates are not stored count twice in dmask."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mask: Tensor, forward_mask: Tensor, backward_mask: Tensor, rows: slice, columns: slice
    ) -> Tensor:
        ctx.size, ctx.window, ctx.mask_shape = (x.shape[-2], x.shape[-1]), (rows, columns), mask.shape
        spectrum = torch.fft.rfft2(x)
        ctx.save_for_backward(spectrum, backward_mask)
        y: Tensor = torch.fft.irfft2(spectrum * forward_mask, s=ctx.size)
        return y[..., rows, columns].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        spectrum, backward_mask = ctx.saved_tensors
        (n_h, n_w), (rows, columns) = ctx.size, ctx.window
        whole = gradient.new_zeros(*gradient.shape[:2], n_h, n_w)
        whole[..., rows, columns] = gradient
        arriving = torch.fft.rfft2(whole)
        d_mask = None
        if ctx.needs_input_grad[1]:
            products = (spectrum.real * arriving.real).add_(spectrum.imag * arriving.imag)
            d_mask = products.sum(dim=0 if ctx.mask_shape[0] != 1 else (0, 1)).view(ctx.mask_shape) / (n_h * n_w)
            d_mask[..., 1 : (n_w + 1) // 2] *= 2
        d_x = torch.fft.irfft2(arriving * backward_mask, s=ctx.size) if ctx.needs_input_grad[0] else None
        return d_x, d_mask, None, None, None, None


class _ByProducts(torch.autograd.Function):
    """See :func:`masked_spectrum`. Inside, pixels come before channels, (N, H, W, C), which makes the products long."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mask: Tensor, forward_mask: Tensor, backward_mask: Tensor, rows: slice, columns: slice
    ) -> Tensor:
        n_h, n_w = x.shape[-2:]
        across, along = real_basis(n_h, x.dtype, x.device), real_basis(n_w, x.dtype, x.device)
        spectrum = _transformed(across, along, x.permute(0, 2, 3, 1))
        ctx.save_for_backward(spectrum, backward_mask)
        ctx.size, ctx.window, ctx.mask_shape = (n_h, n_w), (rows, columns), mask.shape
        return _synthesis(_mixed(spectrum, forward_mask, (n_h, n_w)), across, along, rows, columns)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        spectrum, backward_mask = ctx.saved_tensors
        (n_h, n_w), (rows, columns) = ctx.size, ctx.window
        across, along = (real_basis(n, gradient.dtype, gradient.device) for n in (n_h, n_w))
        arriving = _transformed(across[:, rows], along[:, columns], gradient.permute(0, 2, 3, 1))
        d_mask = None
        if ctx.needs_input_grad[1]:
            d_mask = _mask_gradient(spectrum, arriving)
            if ctx.mask_shape[0] == 1:
                d_mask = d_mask.sum(dim=0, keepdim=True)
        d_x = None
        if ctx.needs_input_grad[0]:
            mixed = _mixed(arriving, backward_mask, (n_h, n_w))
            d_x = _synthesis(mixed, across, along, slice(None), slice(None))
        return d_x, d_mask, None, None, None, None


def _transformed(across: Tensor, along: Tensor, x: Tensor) -> Tensor:
    """``across @ x @ along.T`` of every channel: (N, h, w, C) -> (N, n_h, n_w, C)."""
    n, height, width, channels = x.shape
    across, along = across.contiguous(), along.contiguous()  # a strided matrix would be copied for every product
    x = torch.bmm(across.expand(n, -1, -1), x.reshape(n, height, width * channels))
    x = x.view(n * len(across), width, channels)
    return torch.bmm(along.expand(len(x), -1, -1), x).view(n, len(across), len(along), channels)


def _synthesis(spectrum: Tensor, across: Tensor, along: Tensor, rows: slice, columns: slice) -> Tensor:
    """``across[:, rows].T @ s @ along[:, columns]``: (N, n_h, n_w, C) -> (N, C, rows, columns)."""
    n, n_h, n_w, channels = spectrum.shape
    to_columns, to_rows = along[:, columns].T.contiguous(), across[:, rows].T.contiguous()
    x = torch.bmm(to_columns.expand(n * n_h, -1, -1), spectrum.view(n * n_h, n_w, channels))
    x = torch.bmm(to_rows.expand(n, -1, -1), x.view(n, n_h, len(to_columns) * channels))
    return x.view(n, len(to_rows), len(to_columns), channels).permute(0, 3, 1, 2)


def _mixed(spectrum: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
    """s' of the module's text."""
    own, other = _coefficients(mask, size)
    mixed = spectrum * own
    parts, partners = _quadrants(mixed), _quadrants(spectrum)
    for quadrant, partner, sign in zip(parts, reversed(partners), _SIGNS, strict=True):
        quadrant.addcmul_(other, partner, value=sign)
    return mixed


_SIGNS = (1, -1, -1, 1)
"""Of Q in cc', cs', sc', ss'."""


def _quadrants(s: Tensor) -> tuple[Tensor, ...]:
    """Views cc, cs, sc, ss (..., pairs of n_h, pairs of n_w, C); a quadrant's partner stands at its mirrored place."""
    cosines = [slice(1, (n - 1) // 2 + 1) for n in s.shape[-3:-1]]
    sines = [slice(n // 2 + 1, n) for n in s.shape[-3:-1]]
    return tuple(s[..., h, w, :] for h in (cosines[0], sines[0]) for w in (cosines[1], sines[1]))


def _coefficients(mask: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """P (n_h, n_w, C) and Q (pairs of n_h, pairs of n_w, C) of a mask (C, n_h, n_w // 2 + 1)."""
    n_h, pairs = size[0], ((size[0] - 1) // 2, (size[1] - 1) // 2)
    mask = mask.permute(1, 2, 0)
    mirrored = mask.roll(-1, 0).flip(0)  # row h holds row -h
    mean, difference = (mask + mirrored) / 2, (mirrored - mask) / 2
    mean = torch.cat([mean[: n_h // 2 + 1], mean[1 : pairs[0] + 1]])
    own = torch.cat([mean, mean[:, 1 : pairs[1] + 1]], dim=1)
    return own.contiguous(), difference[1 : pairs[0] + 1, 1 : pairs[1] + 1].contiguous()


def _mask_gradient(spectrum: Tensor, arriving: Tensor) -> Tensor:
    """dmask (C, n_h, n_w // 2 + 1): the transpose of how P and Q depend on the mask, on their gradients."""
    n_h, n_w, channels = spectrum.shape[1:]
    own = (spectrum * arriving).sum(dim=0)
    other = sum(
        sign * (part * partner).sum(dim=0)
        for part, partner, sign in zip(_quadrants(spectrum), reversed(_quadrants(arriving)), _SIGNS, strict=True)
    )
    own[1 : (n_h - 1) // 2 + 1] += own[n_h // 2 + 1 :]
    own[:, 1 : (n_w - 1) // 2 + 1] += own[:, n_w // 2 + 1 :]
    mean = own.new_zeros(n_h, n_w // 2 + 1, channels)
    mean[: n_h // 2 + 1] = own[: n_h // 2 + 1, : n_w // 2 + 1] / 2
    difference = torch.zeros_like(mean)
    difference[1 : (n_h - 1) // 2 + 1, 1 : (n_w - 1) // 2 + 1] = other / 2
    gradient = mean + mean.roll(-1, 0).flip(0) + difference.roll(-1, 0).flip(0) - difference
    return gradient.permute(2, 0, 1)
