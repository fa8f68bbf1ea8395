"""Gain of every convolution at every spatial frequency, as an operator on images, over training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.model.base import Model, trace_shapes
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.probe.kernel_spectrum import ConvolutionLayer, convolution_layers
from frequency_reg.records import field
from frequency_reg.spectrum.operator import FrequencyGain, frequency_gain


class OperatorSpectrum(Probe):
    """Writes ``operator_spectrum``: largest and mean singular value of each convolution on each radius.

    The convolution is taken as a circular operator on n x n samples (:mod:`frequency_reg.spectrum.operator`), which
    resolves the frequencies between the few bins of a 3 x 3 kernel's own DFT. n is ``size``, or the layer's input if
    that is smaller, but at least the kernel. Strided convolutions are measured before the stride; a convolution in
    groups is the union of its groups; dilated ones are left out. The weight alone is measured: neither a following
    batch norm nor a learned mask on the output.

    Source: Sedghi, Gupta, Long 2019, "The Singular Values of Convolutional Layers" (ICLR). Deviations: by radius
    instead of as one set; n is capped.

    Cost: per layer n (n / 2 + 1) Hermitian eigenvalue problems of min(in, out): a fraction of a second for ResNet-20.

    Args:
        size: largest n, in samples; None takes each layer's input size.
        every: measured at epoch 0, every so many epochs, and after the last one.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "operator_spectrum": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("layer", pa.string(), "module path of the convolution"),
                field("depth", pa.int32(), "index among the convolutions with square kernels, 0 is the stem"),
                field("size", pa.int32(), "n: side of the images that the operator acts on", unit="sample"),
                field("stride", pa.int32(), "the layer's stride; gains are those before it", unit="sample"),
                field("frequency", pa.float64(), "sqrt(f_u^2 + f_v^2)", unit="cycle per sample of the layer's input"),
                field("multiplicity", pa.int32(), "DFT bins on that radius; they sum to n^2"),
                field("gain_max", pa.float64(), "largest singular value of DFT2(K)(f) on the radius"),
                field("gain_mean", pa.float64(), "mean of all min(in, out) singular values on the radius"),
            ]
        )
    }

    def __init__(self, *, size: Annotated[int, Ge(1)] | None, every: Annotated[int, Ge(1)]) -> None:
        self.size = size
        self.every = every
        self._input_sizes: dict[str, int] | None = None

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        if self._input_sizes is None:
            self._input_sizes = input_sizes(model)
        for layer in convolution_layers(model):
            if layer.convolution.dilation == (1, 1) and layer.name in self._input_sizes:
                size = self._size(layer)
                yield "operator_spectrum", _rows(layer, epoch, size, frequency_gain(_blocks(layer.convolution), size))

    def _size(self, layer: ConvolutionLayer) -> int:
        entering = (self._input_sizes or {})[layer.name]
        return max(layer.convolution.kernel_size[0], entering if self.size is None else min(self.size, entering))


def input_sizes(model: nn.Module) -> dict[str, int]:
    """Longer side of what enters each convolution, found with one image of zeros in evaluation mode.

    Raises:
        TypeError: ``model`` does not say which images it takes.
    """
    if not isinstance(model, Model):
        raise TypeError(f"operator_spectrum: {type(model).__name__} is no frequency_reg Model with an image_shape")
    names = [layer.name for layer in convolution_layers(model)]
    return {name: max(shapes.entering[-2:]) for name, shapes in trace_shapes(model, names).items()}


def _blocks(convolution: nn.Conv2d) -> Tensor:
    """(groups, out / groups, in / groups, k, k): the convolution is block-diagonal in its groups."""
    blocks: Tensor = convolution.weight.unflatten(0, (convolution.groups, -1))
    return blocks


def _rows(layer: ConvolutionLayer, epoch: int, size: int, gain: FrequencyGain) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "layer": layer.name,
        "depth": layer.depth,
        "size": size,
        "stride": layer.convolution.stride[0],
        "frequency": gain.frequency.tolist(),
        "multiplicity": gain.multiplicity.tolist(),
        "gain_max": gain.largest.tolist(),
        "gain_mean": gain.mean.tolist(),
    }
