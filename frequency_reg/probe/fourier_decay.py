"""The exact Fourier transform of a ReLU network of one or two variables, beside a numerical one and beside theory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from annotated_types import Ge
from torch import nn

from frequency_reg.dataset.base import ImageData
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field
from frequency_reg.spectrum import linear_regions as plane
from frequency_reg.spectrum import piecewise_linear as line
from frequency_reg.spectrum.relu_network import Complex, Layers, Parts, Real, norm_product

_MOST_UNITS = 128
"""Hidden units of a network of two variables: so many make some thousands of linear regions."""
_MOST_POINTS = 512
"""Grid points along each of two axes."""
_RESOLVED = 16
"""A numerical spectrum is given up to a 16th of its sampling rate: the trapezoid's error is 1.3% of the cut there."""


class Decay(NamedTuple):
    """What is measured of one network, at the probe's frequencies along each direction.

    Attributes:
        angles: direction -> its angle to the first axis, in degree; None where there is one axis only.
        found: direction -> the two terms of the transform.
        unit_bounds: direction -> the bound of the interior term of a network whose Lipschitz constant is 1.
        regions: N_f.
        lipschitz: L_f.
    """

    angles: dict[str, float | None]
    found: dict[str, Parts]
    unit_bounds: dict[str, Real]
    regions: int
    lipschitz: float


class FourierDecay(Probe):
    """Writes ``fourier_decay``, spectra, and ``linear_regions``, one row a measured epoch.

    The network is cut to the period of the data (one variable), or to the smallest square around the test points with
    sides along the axes (two). Amplitudes are ``2 |F(w)| / T^d``, T the length of the period or of the side and w =
    2 pi k / T, so that in one variable they are those of :mod:`frequency_reg.spectrum.function`.

    Directions: ``axis`` in one variable. In two: ``normal`` to the edge between regions, or of the square, that shows
    most at the highest frequency, of the 32 longest; ``generic``, that of 64 evenly spaced ones whose bound there is
    the lowest.

    Predicted (Rahaman et al. 2019, Theorem 1; :mod:`frequency_reg.spectrum.relu_network`): the interior term falls like
    k^-2 along the axis and along the normal, like k^-3 in the generic direction. Both bounds hold at every k; they
    differ in what stands for the Lipschitz constant.

    The numerical spectrum is the trapezoidal sum over a regular grid of ``points`` points (of at most 512 along each of
    two axes), ends included, of the network's own outputs in float64; it is given up to a 16th of the sampling rate,
    where it errs by up to 1.3% of the cut's term.

    Args:
        every: measured at epoch 0, every so many epochs, and after the last one.
        frequencies: how many at most, whole numbers of cycles, evenly spaced on a logarithmic axis from 1.
        highest: the highest of them.
        points: of the grid of the numerical spectrum, along each axis.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "fourier_decay": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("direction", pa.string(), "axis (one variable); generic, or normal to an edge of a region (two)"),
                field("angle", pa.float64(), "of the direction to the first axis; NULL in one variable", unit="degree"),
                field("frequency", pa.float64(), "k", unit="cycle per period, or per side of the square"),
                field("amplitude", pa.float64(), "2 |F| / T^d, exact: the network cut to the period or square"),
                field("numerical", pa.float64(), "the same by a sum over a grid; NULL where that does not resolve it"),
                field("interior", pa.float64(), "2 |interior term of F| / T^d: without what the cut adds"),
                field("lipschitz_bound", pa.float64(), "bound of interior, from the regions' largest |gradient|"),
                field("norm_bound", pa.float64(), "bound of interior, from the product of the layers' spectral norms"),
            ]
        ),
        "linear_regions": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("variables", pa.int32(), "d, of the function"),
                field("regions", pa.int64(), "linear regions of the network on the period or square"),
                field("lipschitz", pa.float64(), "largest |gradient| of a region"),
                field("norm_product", pa.float64(), "product of the layers' spectral norms, at least lipschitz"),
                field("numerical_error", pa.float64(), "largest |numerical - exact| transform / largest amplitude"),
            ]
        ),
    }

    def __init__(
        self,
        *,
        every: Annotated[int, Ge(1)],
        frequencies: Annotated[int, Ge(2)],
        highest: Annotated[int, Ge(2)],
        points: Annotated[int, Ge(32)],
    ) -> None:
        self.every = every
        self.cycles = np.unique(np.geomspace(1, highest, frequencies).round())
        self.points = points

    def prepare(self, data: ImageData) -> None:
        """Take the period, or the square around the points."""
        shape = data.image_shape
        if not data.test.is_regression or data.num_outputs != 1 or shape not in ((1, 1, 1), (1, 1, 2)):
            raise ValueError(
                "probe=fourier_decay measures one-valued functions of one or two variables, such as dataset=sinusoids; "
                "this data set has classes, images or more variables"
            )
        places = data.test.images.cpu().double().flatten(1).numpy()
        low, high = places.min(0), places.max(0)
        if shape[2] == 1:  # a regular grid of one period, whose end is its first point again
            high = high + (high - low) / (len(places) - 1)
        self.side = float((high - low).max())
        self.low = (low + high) / 2 - self.side / 2
        self.variables = shape[2]

    def check(self, model: nn.Module) -> None:
        """See :meth:`Probe.check`."""
        layers = relu_layers(model)
        units = sum(len(bias) for _, bias in layers[:-1])
        if self.variables == 2 and units > _MOST_UNITS:
            raise ValueError(
                f"probe=fourier_decay: the network has {units} hidden units; of functions of two variables it takes "
                f"networks of at most {_MOST_UNITS}, such as model=mlp model.hidden=[32,32]"
            )

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        layers = relu_layers(model)
        decay = self._line(layers) if self.variables == 1 else self._plane(layers)
        scale, product = 2 / self.side**self.variables, norm_product(layers)
        grid, worst, largest = _Grid(model, self.low, self.side, self.points), 0.0, 0.0
        for direction, found in decay.found.items():
            exact = found.cut + found.interior
            seen = self.cycles <= grid.resolved
            numerical = grid.transform(self._waves(decay.angles[direction])[seen])
            worst = max(worst, float(np.abs(numerical - exact[seen]).max(initial=0)))
            largest = max(largest, float(np.abs(exact).max()))
            sizes = [*(scale * np.abs(numerical)).tolist(), *[None] * int((~seen).sum())]
            yield (
                "fourier_decay",
                {
                    "epoch": epoch,
                    "direction": direction,
                    "angle": decay.angles[direction],
                    "frequency": self.cycles.tolist(),
                    "amplitude": (scale * np.abs(exact)).tolist(),
                    "numerical": sizes,
                    "interior": (scale * np.abs(found.interior)).tolist(),
                    "lipschitz_bound": (scale * decay.lipschitz * decay.unit_bounds[direction]).tolist(),
                    "norm_bound": (scale * product * decay.unit_bounds[direction]).tolist(),
                },
            )
        yield (
            "linear_regions",
            {
                "epoch": epoch,
                "variables": self.variables,
                "regions": decay.regions,
                "lipschitz": decay.lipschitz,
                "norm_product": product,
                "numerical_error": worst / largest if largest else None,
            },
        )

    def _line(self, layers: Layers) -> Decay:
        pieces = line.linear_pieces(layers, float(self.low[0]), float(self.low[0]) + self.side)
        w = self._waves(None)[:, 0]
        return Decay(
            angles={"axis": None},
            found={"axis": line.parts(pieces, w)},
            unit_bounds={"axis": line.bound(pieces, 1.0, w)},
            regions=len(pieces.slopes),
            lipschitz=float(np.abs(pieces.slopes).max()),
        )

    def _plane(self, layers: Layers) -> Decay:
        regions = plane.linear_regions(layers, self.low, self.low + self.side)
        angles: dict[str, float | None] = dict(self._directions(regions))
        waves = {name: self._waves(angle) for name, angle in angles.items()}
        return Decay(
            angles=angles,
            found={name: plane.parts(regions, w) for name, w in waves.items()},
            unit_bounds={name: plane.bound(regions, 1.0, w) for name, w in waves.items()},
            regions=len(regions.gradient),
            lipschitz=regions.lipschitz,
        )

    def _directions(self, regions: plane.LinearRegions) -> Iterator[tuple[str, float]]:
        """Angles in degree of the two directions that the class's text names."""
        highest = 2 * np.pi * self.cycles[-1] / self.side
        evenly = np.pi * (np.arange(64) + 0.5) / 64
        yield "generic", float(np.degrees(evenly[plane.bound(regions, 1.0, highest * _unit(evenly)).argmin()]))
        longest = np.argsort(-np.linalg.norm(regions.along, axis=1), kind="stable")[:32]
        normals = np.arctan2(regions.normal[longest, 1], regions.normal[longest, 0]) % np.pi
        shown = np.abs(plane.parts(regions, highest * _unit(normals)).interior)
        yield "normal", float(np.degrees(normals[shown.argmax()]))

    def _waves(self, angle: float | None) -> Real:
        """Angular frequencies (K, d) along a direction."""
        direction = np.ones((1, 1)) if angle is None else _unit(np.radians([angle]))
        found: Real = 2 * np.pi / self.side * self.cycles[:, None] * direction
        return found


class _Grid:
    """A network's float64 outputs on a regular grid with ends, and sums of them times waves."""

    def __init__(self, model: nn.Module, low: Real, side: float, points: int) -> None:
        variables = len(low)
        n = points if variables == 1 else min(points, _MOST_POINTS)
        self.axes = [start + np.linspace(0, side, n + 1) for start in low]
        self.resolved = n / _RESOLVED
        places = np.stack(np.meshgrid(*self.axes, indexing="ij"), -1).reshape(-1, 1, 1, variables)
        network = copy.deepcopy(model).cpu().double().eval()
        weight = np.full(n + 1, side / n)
        weight[[0, -1]] /= 2
        found = torch.cat([network(part)[:, 0] for part in torch.from_numpy(places).split(4096)])
        self.weighted = found.numpy().reshape([n + 1] * variables) * weight
        if variables == 2:
            self.weighted = self.weighted * weight[:, None]

    def transform(self, frequency: Real) -> Complex:
        """The trapezoidal sum (K,) at angular frequencies (K, d), a block at a time."""
        found: list[Complex] = [np.zeros(0, np.complex128)]
        for w in np.array_split(frequency, -(-len(frequency) // 16)) if len(frequency) else []:
            waves = [np.exp(-1j * np.outer(w[:, i], axis)) for i, axis in enumerate(self.axes)]
            found.append(
                waves[0] @ self.weighted if len(waves) == 1 else ((waves[0] @ self.weighted) * waves[1]).sum(1)
            )
        return np.concatenate(found)


def relu_layers(model: nn.Module) -> Layers:
    """Weights and biases (float64) of a network of linear layers with ReLU between them, its normalisation folded in.

    Raises:
        ValueError: the model has other parts.
    """
    leaves = [module for module in model.modules() if not any(module.children())]
    order = [module for module in leaves if isinstance(module, nn.Linear | nn.ReLU)]
    others = {type(m).__name__ for m in leaves if not isinstance(m, nn.Linear | nn.ReLU | nn.Identity | nn.Dropout)}
    kinds = "".join("l" if isinstance(module, nn.Linear) else "r" for module in order)
    if others or kinds != "lr" * (len(kinds) // 2) + "l":
        raise ValueError(
            "probe=fourier_decay measures networks of linear layers with ReLU between them, such as model=mlp; this "
            f"one has {', '.join(sorted(others)) or 'them in another order'}"
        )
    layers = [
        (m.weight.detach().cpu().double().numpy(), m.bias.detach().cpu().double().numpy())
        for m in order
        if isinstance(m, nn.Linear)
    ]
    mean, std = (float(getattr(model, name, default)) for name, default in (("mean", 0.0), ("std", 1.0)))
    weight, bias = layers[0]
    return [(weight / std, bias - weight.sum(1) * mean / std), *layers[1:]]


def _unit(angles: Real) -> Real:
    return np.stack([np.cos(angles), np.sin(angles)], -1)
