"""The learned masks themselves: what each layer keeps at every frequency, mean over its output channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.probe.base import Probe, Rows
from frequency_reg.probe.kernel_spectrum import convolution_layers
from frequency_reg.records import field
from frequency_reg.spectrum.masking import THRESHOLD


@runtime_checkable
class Masked(Protocol):
    """A convolution with a mask on its output's spectrum, as the regularizer ``spectral_mask`` makes it.

    Attributes:
        fft_size: (n_h, n_w) of the DFT.
    """

    fft_size: tuple[int, int]

    def tied_mask(self) -> Tensor:
        """M in [0, 1] on the half plane, (..., n_h, n_w // 2 + 1)."""


class SpectralMaskMaps(Probe):
    """Writes ``mask``: one row a masked layer and frequency (fy, fx) of the half plane fx >= 0.

    ``kept`` is the share of masks (one a channel, or a single shared one) that keep the bin, ``mean`` their mean::

        kept = mean_c [M_c(fy, fx) >= 0.5]        mean = mean_c M_c(fy, fx)

    The bin at (-fy, -fx) has the same values: a mask is tied so that outputs stay real. The mean of ``kept`` over the
    whole plane is 1 - ``share_removed`` of the regularizer's report. A model without masks has no rows.

    Source: Guo and Ouyang 2020 (arXiv 2007.03244), the mask of Algorithm 1; the paper shows shares, not maps.

    Args:
        every: measured at epoch 0, every so many epochs, and after the last one.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "mask": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("layer", pa.string(), "module path of the masked convolution"),
                field("depth", pa.int32(), "index among the convolutions with square kernels, 0 is the stem"),
                field("fy", pa.int32(), "vertical frequency of the DFT", unit="cycle per DFT length"),
                field("fx", pa.int32(), "horizontal frequency, 0 to width / 2", unit="cycle per DFT length"),
                field("height", pa.int32(), "vertical length of the DFT that is masked", unit="sample"),
                field("width", pa.int32(), "its horizontal length", unit="sample"),
                field("kept", pa.float64(), "share of the layer's masks that are at least 0.5 at (fy, fx)"),
                field("mean", pa.float64(), "mean of the layer's masks at (fy, fx), in [0, 1]"),
                field("masks", pa.int32(), "masks of the layer: its output channels, 1 if they share one"),
            ]
        )
    }

    def __init__(self, *, every: Annotated[int, Ge(1)]) -> None:
        self.every = every

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        for layer in convolution_layers(model):
            if isinstance(layer.convolution, Masked):
                yield "mask", {"epoch": epoch, "layer": layer.name, "depth": layer.depth, **maps(layer.convolution)}


def maps(masked: Masked) -> dict[str, int | list[int] | list[float]]:
    """Columns from fy to masks of one layer, bins in the order of the half plane's rows."""
    n_h, n_w = masked.fft_size
    mask = masked.tied_mask().detach().flatten(0, -3).double()
    fy = (torch.fft.fftfreq(n_h) * n_h).round().int()
    fx = torch.arange(n_w // 2 + 1)
    return {
        "fy": fy.repeat_interleave(len(fx)).tolist(),
        "fx": fx.repeat(n_h).tolist(),
        "height": n_h,
        "width": n_w,
        "kept": (mask >= THRESHOLD).double().mean(0).flatten().tolist(),
        "mean": mask.mean(0).flatten().tolist(),
        "masks": len(mask),
    }
