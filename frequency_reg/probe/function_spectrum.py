"""Spectrum of the function that a model computes, beside that of the function it is to fit, over training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.dataset.base import ImageData
from frequency_reg.model.base import evaluation_mode
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field
from frequency_reg.spectrum.function import coefficients, explained_variance

_PRESENT = 1e-5
"""A frequency belongs to the target if its amplitude is more than this part of the largest: float32 rounds at 1e-7."""


class FunctionSpectrum(Probe):
    """Writes ``function_spectrum``, and at a few epochs ``function_fit``, the function itself.

    Both are taken on the test split, one period of the function on a regular grid
    (:mod:`frequency_reg.dataset.function`). Amplitudes are those that
    :func:`frequency_reg.spectrum.function.coefficients` defines; the mean, k = 0, is left out.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", figure 1; explained variance by frequency as
    in arXiv 2512.22192, experiment A.

    Args:
        frequencies: ``target``: those of the function to fit; ``all``: every frequency that the grid resolves.
        every: the spectrum is measured at epoch 0, every so many epochs, and after the last one.
        fits: at most how many times the function itself is written: at epoch 0 and at epochs that grow like the
            square of their number up to ``fits_until`` (those that round to the same are one), and not later.
        fits_until: the last epoch at which it is written.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "function_spectrum": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("frequency", pa.int32(), "k", unit="cycle per period"),
                field("target_amplitude", pa.float64(), "|c_k| of the function to fit"),
                field("amplitude", pa.float64(), "|c_k| of the model's outputs"),
                field(
                    "explained_variance",
                    pa.float64(),
                    "1 - |f_k - y_k|^2 / |y_k|^2; NULL where the function to fit has nothing",
                ),
            ]
        ),
        "function_fit": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("position", pa.float32(), "place on the grid", unit="period"),
                field("target", pa.float32(), "value to fit"),
                field("output", pa.float32(), "the model's value"),
            ]
        ),
    }

    def __init__(
        self,
        *,
        frequencies: Literal["target", "all"],
        every: Annotated[int, Ge(1)],
        fits: Annotated[int, Ge(0)],
        fits_until: Annotated[int, Ge(1)],
    ) -> None:
        self.frequencies = frequencies
        self.every = every
        self.fit_epochs = {round(fits_until * (i / max(1, fits - 1)) ** 2) for i in range(fits)}

    def prepare(self, data: ImageData) -> None:
        """Take the grid and the spectrum of the function to fit."""
        if not data.test.is_regression or data.num_outputs != 1 or not data.test.images.is_floating_point():
            raise ValueError(
                "probe=function_spectrum measures one-valued functions on a grid, such as dataset=sinusoids; this data "
                "set has classes or images"
            )
        self.grid, self.target = data.test.images, data.test.labels[:, 0]
        self.goal = coefficients(self.target.cpu())
        size = self.goal.abs()
        self.present = size > _PRESENT * size.max()
        self.present[0] = False
        self.measured = self.present.clone() if self.frequencies == "target" else torch.ones_like(self.present)
        self.measured[0] = False

    def due(self, epoch: int) -> bool:
        """As every probe, and at the epochs at which the function itself is written."""
        return super().due(epoch) or epoch in self.fit_epochs

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        outputs = _outputs(model, self.grid)
        if super().due(epoch):
            found = coefficients(outputs)[self.measured]
            goal, present = self.goal[self.measured], self.present[self.measured]
            explained = explained_variance(found, goal)
            yield (
                "function_spectrum",
                {
                    "epoch": epoch,
                    "frequency": self.measured.nonzero().flatten().tolist(),
                    "target_amplitude": goal.abs().tolist(),
                    "amplitude": found.abs().tolist(),
                    "explained_variance": [
                        value if there else None
                        for value, there in zip(explained.tolist(), present.tolist(), strict=True)
                    ],
                },
            )
        if epoch in self.fit_epochs:
            n = len(outputs)
            yield (
                "function_fit",
                {
                    "epoch": epoch,
                    "position": [place / n for place in range(n)],
                    "target": self.target.tolist(),
                    "output": outputs.tolist(),
                },
            )


def _outputs(model: nn.Module, grid: Tensor) -> Tensor:
    """float32 values (n,) of the model in evaluation mode, on the CPU."""
    with evaluation_mode(model):
        values: Tensor = model(grid)[:, 0].float().cpu()
    return values
