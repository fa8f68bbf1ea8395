"""A ReLU network as its weights, what bounds its slope, and what bounds its Fourier transform.

Theory: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks". A network f: R^d -> R of linear layers and ReLU
is linear on each of N_f regions P_e, with gradient w_e there. Lemma 1: away from w = 0 its Fourier transform is::

    f^(w) = int f(x) exp(-i w.x) dx = -i / |w|^2  sum_e (w_e . w) 1^_{P_e}(w)

for a network with compact support (the sign is that of this convention). Lemma 2: the transform 1^_P of a polytope
falls like ``|w|^-n`` along directions normal to a face of codimension n, and no slower anywhere. Theorem 1: hence f^
falls like ``|w|^-(d+1)`` in almost every direction and like ``|w|^-2`` in those normal to the (d-1)-dimensional faces
between regions; the numerators grow at most like N_f L_f. L_f, the largest ``|w_e|``, is the Lipschitz constant, and at
most the product of the layers' spectral norms.

Deviation: a trained network has no compact support. :mod:`frequency_reg.spectrum.piecewise_linear` (d = 1) and
:mod:`frequency_reg.spectrum.linear_regions` (d = 2) cut it to an interval or a square, whose edge adds a term of its
own, one power of ``|w|`` larger; they hand out both terms apart. The sum of Lemma 1 over the regions inside is the
``interior`` one, and what Theorem 1 and the bound are about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

Layers = Sequence[tuple[Real, Real]]
"""Weight (out, in) and bias (out,) of each linear layer; ReLU stands between two of them."""


class Parts(NamedTuple):
    """A Fourier transform of a function on a bounded domain, in two terms whose sum it is.

    Attributes:
        cut: (K,) complex128, what the domain's edge contributes; 0 where the function is 0 on it.
        interior: (K,) complex128, the sum of Lemma 1 over the linear regions.
    """

    cut: Complex
    interior: Complex


def values(layers: Layers, points: Real) -> Real:
    """The network's outputs (N,) at points (N, d)."""
    for weight, bias in layers[:-1]:
        points = np.maximum(points @ weight.T + bias, 0)
    weight, bias = layers[-1]
    found: Real = (points @ weight.T + bias)[:, 0]
    return found


def norm_product(layers: Layers) -> float:
    """Product of the layers' spectral norms (largest singular values): at least the Lipschitz constant L_f.

    Since ReLU has slopes 0 and 1, a region's gradient is a product of the weights with rows left out.
    """
    return math.prod(float(np.linalg.norm(weight, 2)) for weight, _ in layers)


def check(layers: Layers, inputs: int) -> None:
    """Refuse layers that are no function of R^inputs to R.

    Raises:
        ValueError: there is none, or their sizes do not follow one another from ``inputs`` to 1.
    """
    widths = [inputs, *(len(bias) for _, bias in layers)]
    expected = list(zip(widths[1:], widths, strict=False))
    if not layers or widths[-1] != 1 or [weight.shape for weight, _ in layers] != expected:
        shapes = ", ".join(str(weight.shape) for weight, _ in layers) or "none"
        raise ValueError(f"expected weights (out, in) that lead from {inputs} input(s) to 1 output, got {shapes}")
