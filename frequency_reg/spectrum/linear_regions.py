"""A ReLU network of two variables on a rectangle: its linear regions, and its Fourier transform in closed form.

Theory: :mod:`frequency_reg.spectrum.relu_network`. The regions are convex polygons P_e, on each f(x) = w_e . x + c_e.
By the divergence theorem, with the outward normal n and arc length s::

    1^_P(w) = int_P exp(-i w.x) dx = i / |w|^2  int_{dP} (w . n) exp(-i w.x) ds
    F(w)    = int f(x) exp(-i w.x) dx = cut + interior
    cut      = i / |w|^2  int over the rectangle's edge of f (w . n) exp(-i w.x) ds
    interior = -i / |w|^2  sum_e (w_e . w) 1^_{P_e}(w)

(the integrals of f over edges between two regions cancel, as f is continuous). On an edge from v to v + e::

    int exp(-i w.x) ds = |e| exp(-i w.(v + e/2)) sinc(w.e / 2)                  sinc t = sin t / t

which falls like 1 / |w| unless w is normal to the edge. So the interior term falls like ``|w|^-3`` in almost all
directions and like ``|w|^-2`` in those normal to an edge between regions or of the rectangle; the cut falls by one
power less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frequency_reg.spectrum.relu_network import Complex, Layers, Parts, Real, check

_TOLERANCE = 1e-12
"""A unit cuts a polygon if it exceeds this part of its largest value there on both sides: what rounding leaves."""
_CELLS = 2**22
"""Frequencies x edges that are held in memory at once."""


@dataclass(frozen=True)
class LinearRegions:
    """A continuous function on a rectangle, linear on each of R convex polygons; E edges in all, those between two
    polygons twice.

    Attributes:
        start: (E, 2) float64, first corner of each edge; the polygon lies at its left.
        along: (E, 2), from there to the next corner.
        region: (E,), index of the polygon that the edge belongs to.
        outer: (E,) bool, whether it lies on the rectangle's edge.
        gradient: (R, 2), w_e.
        offset: (R,), c_e.
    """

    start: Real
    along: Real
    region: NDArray[np.int64]
    outer: NDArray[np.bool_]
    gradient: Real
    offset: Real

    @property
    def lipschitz(self) -> float:
        """The largest ``|w_e|``."""
        return float(np.linalg.norm(self.gradient, axis=1).max())

    @property
    def normal(self) -> Real:
        """(E, 2): outward, as long as the edge."""
        return np.stack([self.along[:, 1], -self.along[:, 0]], axis=1)


def linear_regions(layers: Layers, low: Real, high: Real, most: int | None = None) -> LinearRegions:
    """The regions of a network R^2 -> R on the rectangle from corner ``low`` to corner ``high``, by no sampling.

    Layer by layer, polygon by polygon: every unit is linear on a polygon before its ReLU, and cuts it in two where it
    is positive at some corners and negative at others. Regions that differ in their units and not in their gradient
    count as two. Time and memory grow with their number, for random networks about like the square of the units.

    Args:
        layers: of the network.
        low: (2,).
        high: (2,).
        most: refuse a network that has more regions.

    Raises:
        ValueError: the layers are no such function, the rectangle is empty, or the regions are too many.
    """
    check(layers, 2)
    if not (np.asarray(low) < np.asarray(high)).all():
        raise ValueError(f"the rectangle from {low} to {high} is empty; choose low < high")
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]], dtype=np.float64)
    pieces = [(corners, np.eye(2), np.zeros(2))]  # corners (V, 2); the layer's inputs are matrix @ x + offset
    for weight, bias in layers[:-1]:
        cut: list[tuple[Real, Real, Real]] = []
        for polygon, matrix, offset in pieces:
            slope, rest = weight @ matrix, weight @ offset + bias
            for part in _split(polygon, slope, rest):
                on = (part.mean(0) @ slope.T + rest > 0)[:, None]
                cut.append((part, np.where(on, slope, 0), np.where(on[:, 0], rest, 0)))
            if most is not None and len(cut) > most:
                raise ValueError(f"the network has more than {most} linear regions; choose a smaller one")
        pieces = cut
    weight, bias = layers[-1]
    return _collected([(p, (weight @ m)[0], float((weight @ c + bias)[0])) for p, m, c in pieces], low, high)


def _split(polygon: Real, slope: Real, rest: Real) -> Iterator[Real]:
    """A convex polygon (V, 2) cut along the zero lines of units x -> slope @ x + rest (width, 2), (width,)."""
    parts = [polygon]
    at = polygon @ slope.T + rest
    noise = _TOLERANCE * np.abs(at).max(0)
    for unit in np.nonzero((at.max(0) > noise) & (at.min(0) < -noise))[0]:
        found: list[Real] = []
        for part in parts:
            height = part @ slope[unit] + rest[unit]
            height[np.abs(height) <= noise[unit]] = 0
            if (height > 0).any() and (height < 0).any():
                found += [_side(part, height), _side(part, -height)]
            else:
                found.append(part)
        parts = found
    yield from parts


def _side(polygon: Real, height: Real) -> Real:
    """The part of a polygon (V, 2) where ``height`` (V,), linear on it, is at least 0; corners in their order."""
    after, other = np.roll(polygon, -1, 0), np.roll(height, -1)
    corners = []
    for here, there, h, t in zip(polygon, after, height, other, strict=True):
        if h >= 0:
            corners.append(here)
        if h * t < 0:
            corners.append(here + h / (h - t) * (there - here))
    return np.array(corners)


def _collected(pieces: list[tuple[Real, Real, float]], low: Real, high: Real) -> LinearRegions:
    counts = [len(polygon) for polygon, _, _ in pieces]
    start = np.concatenate([polygon for polygon, _, _ in pieces])
    end = np.concatenate([np.roll(polygon, -1, 0) for polygon, _, _ in pieces])
    sides = [(start[:, i] == at) & (end[:, i] == at) for i in (0, 1) for at in (low[i], high[i])]
    return LinearRegions(
        start=start,
        along=end - start,
        region=np.repeat(np.arange(len(pieces)), counts),
        outer=np.logical_or.reduce(sides),
        gradient=np.stack([gradient for _, gradient, _ in pieces]),
        offset=np.array([offset for _, _, offset in pieces]),
    )


def polygon_transform(corners: Real, frequency: Real) -> Complex:
    """1^_P (K,) of a simple polygon (V, 2), corners counterclockwise, at angular frequencies (K, 2) that are not 0."""
    along = np.roll(corners, -1, 0) - corners
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
    wave = np.exp(-1j * (frequency @ (corners + along / 2).T)) * np.sinc(frequency @ along.T / (2 * np.pi))
    found: Complex = 1j * ((frequency @ normal.T) * wave).sum(1) / (frequency**2).sum(1)
    return found


def parts(regions: LinearRegions, frequency: Real) -> Parts:
    """The two terms of F at angular frequencies (K, 2), in radian per unit of x; not 0."""
    cut, interior = (np.empty(len(frequency), dtype=np.complex128) for _ in range(2))
    step = max(1, _CELLS // len(regions.region))
    for i in range(0, len(frequency), step):
        w = frequency[i : i + step]
        square = (w**2).sum(1)
        cut[i : i + step] = 1j * _along_the_rectangle(regions, w) / square
        # -i / |w|^2 (w_e . w) times i / |w|^2 (w . n) |e|^-1 times the edge's integral.
        middle = regions.start + regions.along / 2
        edges = (w @ regions.normal.T) * np.exp(-1j * (w @ middle.T)) * np.sinc(w @ regions.along.T / (2 * np.pi))
        interior[i : i + step] = (edges * (w @ regions.gradient.T)[:, regions.region]).sum(1) / square**2
    return Parts(cut, interior)


def _along_the_rectangle(regions: LinearRegions, w: Real) -> Complex:
    """int over the rectangle's edge of f (w . n) exp(-i w.x) ds, (K,)."""
    outer = regions.outer
    start, along, region = regions.start[outer], regions.along[outer], regions.region[outer]
    middle = start + along / 2
    value = (middle * regions.gradient[region]).sum(1) + regions.offset[region]
    rise = (along * regions.gradient[region]).sum(1)
    half = w @ along.T / 2
    # f = value + rise t for t in [-1/2, 1/2]: int t exp(-2 i half t) dt = -i/2 (sinc half - cos half) / half.
    linear = -0.5j * _sinc_less_cos(half)
    wave = np.exp(-1j * (w @ middle.T)) * (w @ regions.normal[outer].T)
    found: Complex = (wave * (value * np.sinc(half / np.pi) + rise * linear)).sum(1)
    return found


def _sinc_less_cos(t: Real) -> Real:
    """(sin t / t - cos t) / t, by its series t / 3 - t^3 / 30 where the difference would cancel."""
    small = np.abs(t) < 1e-3
    safe = np.where(small, 1.0, t)
    found: Real = np.where(small, t / 3 - t**3 / 30, (np.sin(safe) / safe - np.cos(safe)) / safe)
    return found


def bound(regions: LinearRegions, lipschitz: float, frequency: Real) -> Real:
    """An upper bound (K,) of ``|interior|``: L / |w|^3 sum over edges of |w . n| min(1, 2 / |w . e|), n as long as e.

    It falls like the transform itself: ``|w|^-3``, and ``|w|^-2`` where w is normal to an edge.

    Args:
        regions: where the regions end.
        lipschitz: at least every ``|w_e|``: that of the network, or the product of its layers' norms.
        frequency: (K, 2) angular, not 0.
    """
    found = np.empty(len(frequency))
    step = max(1, _CELLS // len(regions.region))
    for i in range(0, len(frequency), step):
        w = frequency[i : i + step]
        phase = np.abs(w @ regions.along.T)
        share = 2 / np.maximum(phase, 2)
        total = (np.abs(w @ regions.normal.T) * share).sum(1)
        found[i : i + step] = lipschitz * total / np.linalg.norm(w, axis=1) ** 3
    return found
