"""Spectrum of a network along paths through its input space, over training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.dataset.base import ImageData, as_values
from frequency_reg.model.base import evaluation_mode
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field
from frequency_reg.spectrum.function import coefficients

_BATCH = 1000


class PathSpectrum(Probe):
    """Writes ``path_spectrum``: power of the model's outputs by frequency along curves or straight lines.

    ``curve``: the test split in its order, one turn of a closed curve on a regular grid, such as the manifold of
    :mod:`frequency_reg.dataset.manifold_sinusoids` or the period of a function of one variable. Frequencies are whole
    cycles per turn.

    ``line``: straight lines x(t) = (1 - t) a + t b between pairs (a, b) of validation inputs, t = (j + 1/2) / points. A
    line is not closed: its outputs are continued by their mirror image, which is periodic without a jump, so that
    frequencies are multiples of half a cycle per line (the DCT-II). ``within`` are lines between equal labels,
    ``between`` those between different ones.

    ::

        power(k) = |c_k|^2 / 2,    sum over k = variance of the outputs along the path (but for the highest frequency)

    with c_k of :func:`frequency_reg.spectrum.function.coefficients`, mean over outputs and paths.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 4 (the curve) and its figures of
    paths between inputs (the line). Deviation: lines are mirrored. The diagnostic ``path_frequency`` measures trained
    classifiers on images by another definition (Fridovich-Keil et al. 2021).

    Args:
        path: ``curve`` or ``line``.
        points: samples of each line; used by ``line`` only.
        pairs: lines; used by ``line`` only.
        pair_seed: seed of the pairs, which are drawn with replacement.
        every: measured at epoch 0, every so many epochs, and after the last one.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "path_spectrum": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("path", pa.string(), "curve; or lines within (equal labels) or between (different labels)"),
                field("frequency", pa.float64(), "k; multiples of 1/2 on lines", unit="cycle per path"),
                field("power", pa.float64(), "|c_k|^2 / 2, mean over outputs and paths", unit="output^2"),
                field("paths", pa.int32(), "paths in the mean"),
            ]
        )
    }

    def __init__(
        self,
        *,
        path: Literal["curve", "line"],
        points: Annotated[int, Ge(4)],
        pairs: Annotated[int, Ge(1)],
        pair_seed: Annotated[int, Ge(0)],
        every: Annotated[int, Ge(1)],
    ) -> None:
        self.path = path
        self.points = points
        self.pairs = pairs
        self.pair_seed = pair_seed
        self.every = every

    def prepare(self, data: ImageData) -> None:
        """Take the curve, or draw the pairs."""
        if self.path == "curve":
            if not (data.test.is_regression and data.image_shape[:2] == (1, 1)):
                raise ValueError(
                    "probe.path_spectrum.path=curve: only where the test points are a curve in order, such as "
                    "dataset=manifold_sinusoids; choose line"
                )
            self.inputs, self.kinds = data.test.images[None], ["curve"]
            return
        n = len(data.validation)
        if n < 2:
            raise ValueError("probe=path_spectrum: lines need at least two validation inputs")
        generator = torch.Generator().manual_seed(self.pair_seed)
        a = torch.randint(n, (self.pairs,), generator=generator)
        b = (a + torch.randint(1, n, (self.pairs,), generator=generator)) % n
        images, labels = as_values(data.validation.images), data.validation.labels.reshape(n, -1)
        t = ((torch.arange(self.points) + 0.5) / self.points).view(1, -1, 1, 1, 1).to(images.device)
        self.inputs = (1 - t) * images[a][:, None] + t * images[b][:, None]
        same = (labels[a] == labels[b]).all(1).tolist()
        self.kinds = ["within" if equal else "between" for equal in same]

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        paths, samples = self.inputs.shape[:2]
        with evaluation_mode(model):
            parts = [model(batch).float().cpu() for batch in self.inputs.flatten(0, 1).split(_BATCH)]
        frequency, power = _power(torch.cat(parts).unflatten(0, (paths, samples)), closed=self.path == "curve")
        for kind in sorted(set(self.kinds)):
            chosen = torch.tensor([own == kind for own in self.kinds])
            yield (
                "path_spectrum",
                {
                    "epoch": epoch,
                    "path": kind,
                    "frequency": frequency,
                    "power": power[chosen].mean((0, 2)).tolist(),
                    "paths": int(chosen.sum()),
                },
            )


def _power(outputs: Tensor, *, closed: bool) -> tuple[list[float], Tensor]:
    """Frequencies without 0, and power (paths, frequencies, outputs) of outputs (paths, samples, outputs)."""
    values = outputs.movedim(1, -1).double()
    if not closed:
        values = torch.cat([values, values.flip(-1)], -1)
    power = coefficients(values)[..., 1:].abs().square() / 2
    step = 1.0 if closed else 0.5
    return [step * k for k in range(1, power.shape[-1] + 1)], power.movedim(-1, 1)
