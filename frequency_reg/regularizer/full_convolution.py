"""Convolutions whose output exists at the full size of a DFT before it is cropped, so that its spectrum can be changed.

The spectrum of a convolution's output is the product ``DFT2(x) . DFT2(w)``, so that whatever multiplies it multiplies
the spectra of input and filter at once; no convolution in the frequency domain is needed.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.regularizer.weight_layers import is_plain


class FullConvolution(nn.Conv2d):
    """What stands in for a convolution, shares its weight and bias, and gives its output at the size of the DFT.

    Args:
        layer: the convolution; if something stands in for it already, its ``low_pass`` is kept.
        input_size: (H, W) of what reaches it.
        circular: whether the convolution wraps around the image; else it is padded to a linear one.
        purpose: verb for the error's text.

    Attributes:
        fft_size: (n_h, n_w), of the linear convolution (H + k - 1, W + k - 1), of the circular one (H, W).
        low_pass: acts on the full output (N, C, n_h, n_w) before anything else does; None for nothing.

    Raises:
        ValueError: dilation, groups, padding that is not with zeros or beyond k - 1, or (circular) padding other than
            (k - 1) / 2.
    """

    def __init__(self, layer: nn.Module, input_size: tuple[int, int], *, circular: bool, purpose: str) -> None:
        conv = layer
        if not isinstance(conv, nn.Conv2d):
            raise ValueError(f"expected a Conv2d to {purpose}, got {type(conv).__name__}")
        k = (conv.kernel_size[0], conv.kernel_size[1])
        p = (int(conv.padding[0]), int(conv.padding[1])) if is_plain(conv) else (-1, -1)
        if not (0 <= p[0] < k[0] and 0 <= p[1] < k[1]):
            raise ValueError(
                f"cannot {purpose} {conv}: groups, dilation, padding beyond k - 1 and padding with other than zeros "
                "are not supported"
            )
        if circular and any(2 * p_ != k_ - 1 for p_, k_ in zip(p, k, strict=True)):
            raise ValueError(f"cannot {purpose} {conv} circularly: its padding is not (k - 1) / 2")
        super().__init__(
            conv.in_channels, conv.out_channels, k, (conv.stride[0], conv.stride[1]), p, bias=conv.bias is not None
        )
        self.pad = p
        self.weight, self.bias = conv.weight, conv.bias
        self.input_size = input_size
        self.circular = circular
        self.low_pass: Callable[[Tensor], Tensor] | None = conv.low_pass if isinstance(conv, FullConvolution) else None
        grow = (0, 0) if circular else (k[0] - 1, k[1] - 1)
        self.fft_size = (input_size[0] + grow[0], input_size[1] + grow[1])

    def full(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """The unstrided convolution (N, C_out, n_h, n_w) of (N, C_in, H, W), and where the first output pixel lies."""
        full, offset = self.unlimited(x)
        return full if self.low_pass is None else self.low_pass(full), offset

    def unlimited(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """What :meth:`full` gives, without the low-pass."""
        if tuple(x.shape[-2:]) != self.input_size:
            raise ValueError(f"this layer was made for {self.input_size} px inputs, got {tuple(x.shape[-2:])}")
        k, p = self.kernel_size, self.pad
        if self.circular:
            x = F.pad(x, (p[1], p[1], p[0], p[0]), mode="circular")
            return F.conv2d(x, self.weight), (0, 0)
        # Padding beyond (k - 1) / 2 takes oneDNN's slow way back, 6 times a plain convolution's: pad the image instead.
        inside = ((k[0] - 1) // 2, (k[1] - 1) // 2)
        around = (k[0] - 1 - inside[0], k[1] - 1 - inside[1])
        full = F.conv2d(F.pad(x, (around[1], around[1], around[0], around[0])), self.weight, padding=inside)
        return full, (k[0] - 1 - p[0], k[1] - 1 - p[1])

    def crop(self, y: Tensor, offset: tuple[int, int]) -> Tensor:
        """The layer's output (N, C, H_out, W_out) of the full one: its window, with the bias."""
        return self.with_bias(y[..., *self.window(offset)])

    def window(self, offset: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of the full output that the layer gives: cropped, then strided."""
        ends = [
            o + n + 2 * p - k + 1
            for o, n, p, k in zip(offset, self.input_size, self.pad, self.kernel_size, strict=True)
        ]
        return slice(offset[0], ends[0], self.stride[0]), slice(offset[1], ends[1], self.stride[1])

    def with_bias(self, y: Tensor) -> Tensor:
        """``y`` with the bias, which moves DC alone and comes after whatever acts on the spectrum."""
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)
