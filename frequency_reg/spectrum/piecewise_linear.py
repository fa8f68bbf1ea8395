"""A ReLU network of one variable on an interval: its linear pieces, and its Fourier transform in closed form.

Theory: :mod:`frequency_reg.spectrum.relu_network`. With breakpoints x_0 = a < .. < x_M = b and f linear between them::

    F(w) = int_a^b f(x) exp(-i w x) dx = cut + interior
    cut      = (f(a) exp(-i w a) - f(b) exp(-i w b)) / (i w)
    interior = 1 / (i w)  sum_m (f(x_m+1) - f(x_m)) exp(-i w (x_m + x_m+1) / 2) sinc(w (x_m+1 - x_m) / 2)

with sinc t = sin t / t. The interior term falls like 1 / w^2 (the sum, of jumps of the slope, like 1 / w). The cut is
0 at whole cycles of the interval if f(a) = f(b); else it falls like 1 / w and hides the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from frequency_reg.spectrum.relu_network import Complex, Layers, Parts, Real, check

_CELLS = 2**22
"""Frequencies x pieces that are held in memory at once."""


class PiecewiseLinear(NamedTuple):
    """A continuous function on an interval, linear between breakpoints.

    Attributes:
        x: (M + 1,) float64, ascending; the first and the last are the interval's ends.
        y: (M + 1,) float64, values there.
    """

    x: Real
    y: Real

    @property
    def slopes(self) -> Real:
        """(M,) of the pieces."""
        found: Real = np.diff(self.y) / np.diff(self.x)
        return found


def linear_pieces(layers: Layers, low: float, high: float) -> PiecewiseLinear:
    """The pieces of a network R -> R on [low, high], exact but for rounding (float64), by no sampling.

    Layer by layer: on the pieces so far every unit is linear before its ReLU, so the zero inside a piece whose ends
    have different signs is one division. A breakpoint is listed where a unit switches, even if later layers cancel it.

    Raises:
        ValueError: the layers are no such function, or the interval is empty.
    """
    check(layers, 1)
    if not low < high:
        raise ValueError(f"the interval [{low:g}, {high:g}] is empty; choose low < high")
    x = np.array([low, high], dtype=np.float64)
    hidden = x[:, None]
    for weight, bias in layers[:-1]:
        x, before = _with_zeros(x, hidden @ weight.T + bias)
        hidden = np.maximum(before, 0)
    weight, bias = layers[-1]
    return PiecewiseLinear(x, (hidden @ weight.T + bias)[:, 0])


def _with_zeros(x: Real, z: Real) -> tuple[Real, Real]:
    """Breakpoints (M + 1,) and units (M + 1, width) there, with the zeros of all units as further breakpoints."""
    piece, unit = np.nonzero(np.sign(z[:-1]) * np.sign(z[1:]) < 0)
    first, last = z[piece], z[piece + 1]
    row = np.arange(len(piece))
    share = first[row, unit] / (first[row, unit] - last[row, unit])
    places = x[piece] + share * (x[piece + 1] - x[piece])
    found = first + share[:, None] * (last - first)
    found[row, unit] = 0
    every, units = np.concatenate([x, places]), np.concatenate([z, found])
    order = np.argsort(every, kind="stable")
    every, units = every[order], units[order]
    distinct = np.append(True, np.diff(every) > 0)
    distinct[-1] = True
    keep = distinct & np.append(every[:-1] < every[-1], True)
    return every[keep], units[keep]


def parts(line: PiecewiseLinear, frequency: Real) -> Parts:
    """The two terms of F at angular frequencies (K,), in radian per unit of x; not 0."""
    middle, length, rise = (line.x[1:] + line.x[:-1]) / 2, np.diff(line.x), np.diff(line.y)
    ends = line.y[[0, -1]] * np.exp(-1j * np.outer(frequency, line.x[[0, -1]]))
    interior = np.empty(len(frequency), dtype=np.complex128)
    step = max(1, _CELLS // len(length))
    for i in range(0, len(frequency), step):
        w = frequency[i : i + step, None]
        # numpy's sinc(t) is sin(pi t) / (pi t).
        interior[i : i + step] = (np.exp(-1j * w * middle) * np.sinc(w * length / (2 * np.pi))) @ rise
    return Parts((ends[:, 0] - ends[:, 1]) / (1j * frequency), interior / (1j * frequency))


def fourier_transform(line: PiecewiseLinear, frequency: Real) -> Complex:
    """F (K,) at angular frequencies (K,), 0 among them: there it is the integral."""
    found = np.full(len(frequency), np.trapezoid(line.y, line.x), dtype=np.complex128)
    others = frequency != 0
    cut, interior = parts(line, frequency[others])
    found[others] = cut + interior
    return found


def bound(line: PiecewiseLinear, lipschitz: float, frequency: Real) -> Real:
    """An upper bound (K,) of ``|interior|``: L / |w| sum_m min(x_m+1 - x_m, 2 / |w|), at most 2 N_f L_f / w^2.

    Args:
        line: where the pieces end.
        lipschitz: at least every ``|slope|``: that of the network, or the product of its layers' norms.
        frequency: (K,) angular, not 0.
    """
    size = np.abs(frequency)
    # Pieces shorter than 2 / |w| count with their length: sorted, they are a head of the cumulative sum.
    length = np.sort(np.diff(line.x))
    short = np.searchsorted(length, 2 / size)
    total = np.append(0.0, np.cumsum(length))[short] + (len(length) - short) * 2 / size
    found: Real = lipschitz * total / size
    return found
