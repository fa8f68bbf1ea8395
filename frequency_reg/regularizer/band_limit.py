"""Band-limited training (Dziedzic et al. 2019): convolutions see and pass on only the low corner of the spectrum."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn

from frequency_reg.model.base import Model, trace_shapes
from frequency_reg.regularizer.base import Regularizer, replace_module
from frequency_reg.regularizer.convolution_kernels import spatial_convolutions
from frequency_reg.regularizer.feature_maps import transform
from frequency_reg.regularizer.full_convolution import FullConvolution


class BandLimit(Regularizer):
    """Removes the high frequencies of every convolution above 1 x 1, of its input and its filters at once::

        S = DFT2(x) . DFT2(w)        y = DFT2^-1(S . [|f_u| <= a_h and |f_v| <= a_w])

    on the grid of the linear convolution, n = size + k - 1 in each direction. A mask of the product is a mask of both
    factors. Back through the layer the gradient passes the same mask: it is a projection, its own transpose. Training
    and evaluation are limited alike.

    The kept bins are a square around DC: in the half spectrum of a real DFT the corner of low columns, with the rows
    at both ends. Of each axis as few frequencies are kept as make a share of at least sqrt(1 - c), so that no more than
    the share c is removed; on small maps whole rows and columns of the spectrum weigh much, and less may be.

    Source: Dziedzic, Paparrizos, Krishnan, Elmore, Franklin 2019, "Band-limited Training and Inference for
    Convolutional Neural Networks", section 3. Deviations: convolutions of 1 x 1 are left alone; the limit is not
    rounded to sizes that suit an FFT, as the source may do, and no time or memory is saved: the plain convolution is
    followed by the projection as one real matrix an axis, exact, 0.4 of the convolution's time at 16 channels.

    Args:
        band_limit: c in [0, 1), the largest share of the spectrum's bins to remove (the source's compression rate); 0
            equals ``regularizer=none`` bit for bit.

    Reports per layer ``share_above_limit``, the share of the bins that is removed (masks report ``share_removed``).

    Raises:
        ValueError: from :meth:`prepare`, if the model has no such convolution or one cannot be limited.
    """

    def __init__(self, *, band_limit: Annotated[float, Ge(0), Lt(1)]) -> None:
        self.band_limit = band_limit

    def prepare(self, model: Model) -> Model:
        """Replace every convolution above 1 x 1 by a limited one that shares its weight."""
        names = spatial_convolutions(model, "band_limit")
        if self.band_limit > 0:
            for name, shapes in trace_shapes(model, names).items():
                _, height, width = shapes.entering
                limited = BandLimitedConv2d(model.get_submodule(name), (height, width), self.band_limit)
                replace_module(model, name, limited)
        return model

    def report(self, model: Model) -> Iterator[tuple[str, str, float]]:
        """Share of bins removed, per layer."""
        for name, module in model.named_modules():
            # Another regularizer may have put its own module there, which has taken over the low-pass.
            if isinstance(module, FullConvolution) and isinstance(module.low_pass, LowPass):
                yield name, "share_above_limit", module.low_pass.share_removed(*module.fft_size)


class LowPass:
    """Projects maps (N, C, n_h, n_w) of any size onto the sinusoids of the lowest frequencies of each axis.

    Args:
        band_limit: the largest share of the bins to remove.
    """

    def __init__(self, band_limit: float) -> None:
        self.band_limit = band_limit

    def __call__(self, maps: Tensor, window: tuple[slice, slice] = (slice(None), slice(None))) -> Tensor:
        """The low-pass filtered maps, or only the rows and columns of a ``window`` of them; computed in float32."""
        with torch.autocast(maps.device.type, enabled=False):
            x = maps.float()
            rows, columns = (self._projection(n, x.device)[part] for n, part in zip(x.shape[-2:], window, strict=True))
            return transform(x, rows, columns).to(maps.dtype)

    def share_removed(self, height: int, width: int) -> float:
        """Share of the bins of a DFT of that size which is removed."""
        kept = [min(2 * self.cutoff(n) + 1, n) for n in (height, width)]
        return 1 - kept[0] * kept[1] / (height * width)

    def cutoff(self, n: int) -> int:
        """a: the highest frequency kept of n, in cycles a map; the smallest with ``2 a + 1 >= sqrt(1 - c) n``."""
        kept = n * math.sqrt(1 - self.band_limit)
        return max(0, math.ceil((kept - 1) / 2 - 1e-9))

    def _projection(self, n: int, device: torch.device) -> Tensor:
        return low_pass_matrix(n, self.cutoff(n)).to(device)


@lru_cache(maxsize=64)
def low_pass_matrix(n: int, cutoff: int) -> Tensor:
    """The projection of n samples onto frequencies up to ``cutoff``, (n, n) float32.

    ``P[i, j] = 1 / n sum_{|f| <= a} cos(2 pi f (i - j) / n)``; the identity where no frequency is above the cutoff.
    """
    frequencies = torch.fft.fftfreq(n, dtype=torch.float64).mul(n).round()
    kept = (frequencies.abs() <= cutoff).double()
    shift = (torch.arange(n)[:, None] - torch.arange(n)[None, :]) % n
    matrix: Tensor = torch.fft.ifft(kept).real[shift].float()
    return matrix


class BandLimitedConv2d(FullConvolution):
    """A convolution whose input and filters have no frequencies above a limit; see :class:`BandLimit`."""

    def __init__(self, layer: nn.Module, input_size: tuple[int, int], band_limit: float) -> None:
        super().__init__(layer, input_size, circular=False, purpose="band-limit")
        self.limit = self.low_pass = LowPass(band_limit)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, C_in, H, W) -> (N, C_out, H_out, W_out), as the convolution it replaces."""
        full, offset = self.unlimited(input)
        # The projection forms only what is kept: a view of the whole would cost batch norm 3 times the convolution.
        y = self.limit(full, self.window(offset))
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)
