"""What is left to fit on the training points, seen in the eigenbasis of a Gaussian kernel, over training."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.dataset.base import ImageData, as_values
from frequency_reg.model.base import evaluation_mode
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field
from frequency_reg.spectrum.rbf import Width, rbf_eigenbasis


class KernelResidual(Probe):
    """Writes ``kernel_residual``: size of the residual y - f in bands of kernel eigenvectors, slow to fast.

    ::

        c_i = <v_i, y - f>,        residual of a band = sqrt(mean over i in the band of c_i^2)

    on the first ``points`` training points, y with its noise; v_i are orthonormal, eigenvalues descending
    (:mod:`frequency_reg.spectrum.rbf`). White noise of standard deviation s has the size s in every band. The bands cut
    0 .. n into equal parts; the first is the slowest. Low and high are the first and the last half of them.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 3 and appendix (kernel noise on
    MNIST). Deviation: by bands instead of by eigenvector.

    Cost: one decomposition of an n x n matrix at the start (about 5 s on a CPU at n = 2,000), then a product.

    Args:
        points: n at most.
        bands: number of bands.
        width: of the kernel: ``median``: sigma is half the median distance; ``paper``: 1.25, the notebook's.
        every: measured at epoch 0, every so many epochs, and after the last one.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "kernel_residual": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("band", pa.int32(), "0 is the slowest: the largest eigenvalues"),
                field("first_index", pa.int32(), "first eigenvector of the band, eigenvalues descending from index 0"),
                field("last_index", pa.int32(), "last eigenvector of the band"),
                field("eigenvalue", pa.float64(), "mean eigenvalue of the kernel matrix in the band"),
                field("target", pa.float64(), "root mean square coefficient of the labels in the band", unit="label"),
                field("residual", pa.float64(), "root mean square coefficient of labels - model", unit="label"),
            ]
        )
    }

    def __init__(
        self,
        *,
        points: Annotated[int, Ge(2)],
        bands: Annotated[int, Ge(2)],
        width: Width,
        every: Annotated[int, Ge(1)],
    ) -> None:
        self.points = points
        self.bands = bands
        self.width: Width = width
        self.every = every

    def prepare(self, data: ImageData) -> None:
        """Decompose the kernel on the training points."""
        if not data.train.is_regression or data.num_outputs != 1:
            raise ValueError(
                "probe=kernel_residual measures one-valued functions, such as dataset=mnist_pair; this data set has "
                "classes or several values"
            )
        images, labels = data.train.images[: self.points], data.train.labels[: self.points, 0]
        if len(labels) < self.bands:
            raise ValueError(
                f"probe.kernel_residual.bands={self.bands}: more than the {len(labels)} training points; choose fewer"
            )
        self.inputs = as_values(images)
        self.labels = labels.double().cpu()
        basis = rbf_eigenbasis(self.inputs, self.width)
        self.vectors = basis.vectors
        edges = [round(i * len(labels) / self.bands) for i in range(self.bands + 1)]
        self.sizes = [b - a for a, b in pairwise(edges)]
        self.fixed = {
            "band": list(range(self.bands)),
            "first_index": edges[:-1],
            "last_index": [edge - 1 for edge in edges[1:]],
            "eigenvalue": [float(part.mean()) for part in basis.values.split(self.sizes)],
            "target": self._by_band(self.labels),
        }

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        with evaluation_mode(model):
            outputs = model(self.inputs)[:, 0].double().cpu()
        yield "kernel_residual", {"epoch": epoch, **self.fixed, "residual": self._by_band(self.labels - outputs)}

    def _by_band(self, values: Tensor) -> list[float]:
        squares = (self.vectors.T @ values).square()
        return [float(part.mean().sqrt()) for part in squares.split(self.sizes)]
