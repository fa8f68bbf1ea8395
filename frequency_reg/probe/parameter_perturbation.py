"""Which frequencies of a fitted function survive a random step away from its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge, MinLen
from torch import Tensor, nn
from torch.func import functional_call, vmap

from frequency_reg.dataset.base import ImageData
from frequency_reg.model.base import evaluation_mode
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.probe.function_spectrum import FunctionSpectrum
from frequency_reg.records import field
from frequency_reg.spectrum.function import coefficients
from frequency_reg.streams import stream_seed

_AT_ONCE = 10
"""Perturbed networks that are evaluated in one pass: each has all parameters once more."""


class ParameterPerturbation(Probe):
    """Writes ``parameter_perturbation``: amplitudes of the model's function after a step in parameter space.

    ::

        retention(k, delta) = mean over directions u of |c_k(f_(theta + delta u))| / |c_k(f_theta)|

    u is an isotropic direction over all parameters, a normal vector divided by its norm; all deltas and epochs have the
    same directions. A perturbation also adds to frequencies, so that a retention can exceed 1. Amplitudes are those of
    :func:`frequency_reg.spectrum.function.coefficients` on the test split, one period of the function on a regular
    grid, at the frequencies of the function to fit.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 3, experiment 2 (100 directions,
    norms 0 to 5).

    Args:
        deltas: norms of the step.
        directions: number of random directions.
        every: measured at epoch 0, every so many epochs, and after the last one.
        direction_seed: seed of the directions.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "parameter_perturbation": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("delta", pa.float64(), "Euclidean norm of the step in parameter space"),
                field("frequency", pa.int32(), "k", unit="cycle per period"),
                field("target_amplitude", pa.float64(), "|c_k| of the function to fit"),
                field("amplitude", pa.float64(), "|c_k| of the model's outputs, not perturbed"),
                field("perturbed_mean", pa.float64(), "mean of |c_k| of the perturbed outputs over the directions"),
                field("perturbed_sd", pa.float64(), "their standard deviation; NULL of a single direction"),
                field("retention", pa.float64(), "perturbed_mean / amplitude; NULL where amplitude is 0"),
                field("directions", pa.int32(), "random directions"),
            ]
        )
    }

    def __init__(
        self,
        *,
        deltas: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)],
        directions: Annotated[int, Ge(1)],
        every: Annotated[int, Ge(1)],
        direction_seed: Annotated[int, Ge(0)],
    ) -> None:
        self.deltas = deltas
        self.directions = directions
        self.every = every
        self.direction_seed = direction_seed

    def prepare(self, data: ImageData) -> None:
        """Take the grid and the frequencies of the function to fit."""
        measured = FunctionSpectrum(frequencies="target", every=1, fits=0, fits_until=1)
        try:
            measured.prepare(data)
        except ValueError as error:
            raise ValueError(str(error).replace("function_spectrum", "parameter_perturbation")) from None
        self.grid, self.frequencies = measured.grid, measured.measured
        self.goal = measured.goal[self.frequencies].abs()

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        with evaluation_mode(model):
            own = self._amplitudes(model(self.grid)[:, 0])
            found = self._perturbed(model)
        mean = found.mean(1)
        deviation = found.std(1) if self.directions > 1 else torch.full_like(mean, torch.nan)
        for i, delta in enumerate(self.deltas):
            yield (
                "parameter_perturbation",
                {
                    "epoch": epoch,
                    "delta": delta,
                    "frequency": self.frequencies.nonzero().flatten().tolist(),
                    "target_amplitude": self.goal.tolist(),
                    "amplitude": own.tolist(),
                    "perturbed_mean": mean[i].tolist(),
                    "perturbed_sd": deviation[i].tolist(),
                    "retention": [
                        a / b if b > 0 else None for a, b in zip(mean[i].tolist(), own.tolist(), strict=True)
                    ],
                    "directions": self.directions,
                },
            )

    def _amplitudes(self, values: Tensor) -> Tensor:
        return coefficients(values.float().cpu())[..., self.frequencies].abs()

    def _perturbed(self, model: nn.Module) -> Tensor:
        """(deltas, directions, frequencies) amplitudes."""
        weights = {name: parameter.detach() for name, parameter in model.named_parameters()}

        def outputs(changed: dict[str, Tensor]) -> Tensor:
            values: Tensor = functional_call(model, changed, (self.grid,))[:, 0]
            return values

        parts: list[list[Tensor]] = [[] for _ in self.deltas]
        for first in range(0, self.directions, _AT_ONCE):
            steps = self._directions(weights, range(first, min(first + _AT_ONCE, self.directions)))
            for found, delta in zip(parts, self.deltas, strict=True):
                changed = {name: weight + delta * steps[name] for name, weight in weights.items()}
                found.append(self._amplitudes(vmap(outputs)(changed)))
        return torch.stack([torch.cat(found) for found in parts])

    def _directions(self, weights: dict[str, Tensor], numbers: range) -> dict[str, Tensor]:
        """Unit vectors over all parameters, cut into their shapes with a leading dimension; drawn on the CPU."""
        size = sum(weight.numel() for weight in weights.values())
        drawn = [
            torch.randn(size, generator=torch.Generator().manual_seed(stream_seed(self.direction_seed, number)))
            for number in numbers
        ]
        unit = torch.stack([vector / vector.norm() for vector in drawn])
        pieces = unit.split([weight.numel() for weight in weights.values()], dim=1)
        return {
            name: piece.unflatten(1, weight.shape).to(weight.device)
            for (name, weight), piece in zip(weights.items(), pieces, strict=True)
        }
