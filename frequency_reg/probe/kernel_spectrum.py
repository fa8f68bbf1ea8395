"""Radial spectra of every convolution's kernels, their SSR against every reference, and the SSR's null distribution."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.probe.base import Probe, Rows
from frequency_reg.spectrum import NORMALIZATIONS, RadialProfile, high_frequency_power, radial_profile, suppression

REFERENCES = ("init", "epoch_1")


@dataclass(frozen=True)
class ConvolutionLayer:
    """A convolution, its place among those with square kernels, and the batch norm that follows it, if any."""

    name: str
    depth: int
    convolution: nn.Conv2d
    norm: nn.BatchNorm2d | None

    def has_statistics(self) -> bool:
        """Whether the batch norm has seen a batch: before, its variance is a placeholder and its gain means nothing."""
        counted = None if self.norm is None else self.norm.num_batches_tracked
        return counted is not None and int(counted) > 0

    def folded_weight(self) -> Tensor | None:
        """(out, in, k, k): the weight times the batch norm's gain ``gamma / sqrt(var + eps)``, if it has one."""
        norm = self.norm
        if norm is None or norm.running_var is None or not self.has_statistics():
            return None
        gain = (norm.running_var + norm.eps).rsqrt() * (1 if norm.weight is None else norm.weight)
        return self.convolution.weight * gain.view(-1, 1, 1, 1)


def convolution_layers(model: nn.Module) -> list[ConvolutionLayer]:
    """All 2-D convolutions with square kernels, in the model's order of definition.

    A batch norm belongs to the convolution defined directly before it if their channels agree.
    """
    layers: list[ConvolutionLayer] = []
    leaves = [(name, m) for name, m in model.named_modules() if not list(m.children()) and not _is_passive(m)]
    followers = [module for _, module in leaves[1:]] + [None]
    for (name, module), follower in zip(leaves, followers, strict=True):
        if isinstance(module, nn.Conv2d) and module.kernel_size[0] == module.kernel_size[1]:
            fits = isinstance(follower, nn.BatchNorm2d) and follower.num_features == module.out_channels
            layers.append(ConvolutionLayer(name, len(layers), module, follower if fits else None))
    return layers


def _is_passive(module: nn.Module) -> bool:
    return isinstance(module, nn.Identity | nn.Dropout)


class KernelSpectrum(Probe):
    """Writes ``spectra``, ``ssr`` and (once) ``ssr_null``.

    Every convolution is recorded at every epoch; SSR of every normalization (``absolute_folded`` is ``absolute`` with
    the following batch norm's gain folded into the weight; batch norm has no statistics before the first update, so it
    does not exist against ``init`` unless the run begins with trained weights) against the state before the first
    update (``init``) and, from epoch 1 on, against the state after the first epoch (``epoch_1``, the published choice).
    A group or layer norm divides by the deviation of each single image: there is no gain that a weight could take in,
    ``absolute_folded`` is NULL with status ``no_gain``. (Its affine part alone would not do: doubling the weight, which
    the norm undoes, would quadruple it.) The null is the SSR between two independent initialisations of the same layer:
    what an SSR must exceed to mean anything.

    Source: arXiv 2512.22192, whose script records one layer, one normalization and one reference.

    Args:
        null_draws: pairs of random initialisations per layer; 0 leaves the null out.
        null_seed: seed of those draws; the null is a property of the layer, not of the run.
    """

    def __init__(self, *, null_draws: Annotated[int, Ge(0)], null_seed: Annotated[int, Ge(0)]) -> None:
        self.null_draws = null_draws
        self.null_seed = null_seed
        self._reference: dict[tuple[str, str, str], float | None] = {}

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        layers = convolution_layers(model)
        for layer in layers:
            profile = radial_profile(layer.convolution.weight)
            yield "spectra", _spectrum_rows(layer, profile, epoch)
            yield "ssr", self._ssr_rows(layer, profile, epoch)
        if epoch == 0 and self.null_draws:
            yield from self._null_rows(layers)

    def state_dict(self) -> dict[str, Tensor]:
        """H of every layer and normalization at the reference epochs; NaN where it does not exist."""
        return {
            "|".join(key): torch.tensor(float("nan") if value is None else value, dtype=torch.float64)
            for key, value in self._reference.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Probe.load_state_dict`."""
        for text, value in state.items():
            layer, normalization, reference = text.split("|")
            self._reference[layer, normalization, reference] = None if bool(value.isnan()) else float(value)

    def _ssr_rows(self, layer: ConvolutionLayer, profile: RadialProfile, epoch: int) -> dict[str, Any]:
        powers, finite = _high_frequency_powers(layer, profile), bool(profile.power.isfinite().all())
        rows: list[tuple[str, str, float | None, str]] = []
        for reference in REFERENCES if epoch >= 1 else REFERENCES[:1]:
            for normalization, power in powers.items():
                key = (layer.name, normalization, reference)
                if epoch == REFERENCES.index(reference):
                    self._reference[key] = power
                against = self._reference[key]
                value = suppression(against, power)
                status = _status(layer, normalization, against, power, finite)
                rows.append((normalization, reference, value, status))
        normalizations, references, values, statuses = zip(*rows, strict=True)
        return {
            "epoch": epoch,
            "layer": layer.name,
            "depth": layer.depth,
            "normalization": normalizations,
            "reference": references,
            "value": values,
            "status": statuses,
        }

    def _null_rows(self, layers: list[ConvolutionLayer]) -> Iterator[Rows]:
        """SSR between the two initialisations of each of ``null_draws`` independent pairs."""
        drawn: dict[tuple[int, ...], list[dict[str, float | None]]] = {}
        for layer in layers:
            shape = tuple(layer.convolution.weight.shape)
            if shape not in drawn:
                drawn[shape] = _initial_powers(layer, 2 * self.null_draws, self.null_seed)
            for normalization in NORMALIZATIONS:
                powers = [draw[normalization] for draw in drawn[shape]]
                values = [suppression(a, b) for a, b in zip(powers[::2], powers[1::2], strict=True)]
                yield (
                    "ssr_null",
                    {
                        "layer": layer.name,
                        "depth": layer.depth,
                        "normalization": normalization,
                        "draw": range(self.null_draws),
                        "value": values,
                    },
                )


def _initial_powers(layer: ConvolutionLayer, draws: int, seed: int) -> list[dict[str, float | None]]:
    fresh = copy.deepcopy(layer.convolution)
    powers: list[dict[str, float | None]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh.to("cpu")
        for _ in range(draws):
            fresh.reset_parameters()
            profile = radial_profile(fresh.weight)
            powers.append({name: high_frequency_power(profile, name) for name in NORMALIZATIONS})
    return powers


def _high_frequency_powers(layer: ConvolutionLayer, profile: RadialProfile) -> dict[str, float | None]:
    powers: dict[str, float | None] = {name: high_frequency_power(profile, name) for name in NORMALIZATIONS}
    folded = layer.folded_weight()
    powers["absolute_folded"] = None if folded is None else high_frequency_power(radial_profile(folded), "absolute")
    return powers


def _status(
    layer: ConvolutionLayer, normalization: str, against: float | None, power: float | None, finite: bool
) -> str:
    if layer.convolution.kernel_size[0] == 1:
        return "no_high_band"
    if normalization == "absolute_folded" and layer.norm is None:
        return "no_gain"
    if normalization == "absolute_folded" and (power is None or against is None):
        return "not_finite" if layer.has_statistics() and power is None else "no_statistics"
    if power is None:
        return "zero_power" if finite else "not_finite"
    if against is None:
        return "no_reference"
    return "ok" if against else "zero_reference"


def _spectrum_rows(layer: ConvolutionLayer, profile: RadialProfile, epoch: int) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "layer": layer.name,
        "depth": layer.depth,
        "kernel": layer.convolution.kernel_size[0],
        "radius": profile.radius.tolist(),
        "multiplicity": profile.multiplicity.tolist(),
        "power": profile.power.tolist(),
    }
