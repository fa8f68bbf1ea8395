"""A sum of sinusoids along a closed curve in the plane."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Lt, MinLen
from numpy.typing import NDArray

from frequency_reg.dataset.function import FunctionDataset, Points
from frequency_reg.dataset.sinusoids import Sinusoids


class ManifoldSinusoids(FunctionDataset):
    """y = sum_k A_k sin(2 pi k z + phi_k) at points x(z) of a flower-shaped curve, z in [0, 1).

    ::

        x(z) = R(z) (cos 2 pi z, sin 2 pi z),        R(z) = 1 + petal_height sin(2 pi petals z)

    The signal has the same frequencies along the curve whatever its shape; the network sees x, in R^2. The more petals,
    the lower the frequencies in R^2 that a function needs to have high ones along the curve. ``train`` and ``test`` are
    the grid z_j = j / grid, in order; ``validation`` is halfway between its points in z.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", section 4 (k = 20, 40, .. 200; N = 1,000; L
    = ``petals``; A = ``petal_height`` = 1/2).

    Args:
        petals: L, whole periods of the radius; 0 is the unit circle.
        petal_height: A in [0, 1): the radius lies between 1 - A and 1 + A.
        frequencies: k, in cycles per turn of the curve, each once; below half the number of grid points.
        amplitudes: ``equal``: all 1; ``rising``: linearly from .1 at the first frequency to 1 at the last.
        phases: ``zero``, or ``random``: uniform in [0, 2 pi).
        phase_seed: seed of the phases.
        grid: points on the curve.

    Raises:
        ValueError: a frequency twice or beyond what the grid resolves.
    """

    def __init__(
        self,
        *,
        petals: Annotated[int, Ge(0)],
        petal_height: Annotated[float, Ge(0), Lt(1)],
        frequencies: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        amplitudes: Literal["equal", "rising"],
        phases: Literal["zero", "random"],
        phase_seed: Annotated[int, Ge(0)],
        grid: Annotated[int, Ge(4)],
    ) -> None:
        super().__init__()
        self.signal = Sinusoids(
            frequencies=frequencies,
            amplitudes=amplitudes,
            phases=phases,
            phase_seed=phase_seed,
            length=1.0,
            grid=grid,
            n_train=None,
            point_seed=0,
        )
        self.petals = petals
        self.petal_height = petal_height
        self.grid = grid

    def curve(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """x (N, 2) at z (N,)."""
        angle = 2 * math.pi * z
        radius = 1 + self.petal_height * np.sin(self.petals * angle)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    def points(self) -> tuple[Points, Points, Points]:
        """See :meth:`FunctionDataset.points`."""
        places = np.arange(self.grid)
        on_grid = self._points(places / self.grid)
        return on_grid, self._points((places + 0.5) / self.grid), on_grid

    def _points(self, z: NDArray[np.float64]) -> Points:
        return self.curve(z), self.signal.values(z)[:, None]
