"""A sum of sinusoids on an interval."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, MinLen
from numpy.typing import NDArray

from frequency_reg.dataset.function import FunctionDataset, Points


class Sinusoids(FunctionDataset):
    """y(x) = sum_k A_k sin(2 pi k x / L + phi_k) for x in [0, L), k whole cycles over the interval.

    ``test`` is a grid of ``grid`` points x_j = j L / grid; ``train`` is that grid, or ``n_train`` of its points drawn
    without replacement; ``validation`` is halfway between the grid's points.

    Source: with ``length`` 1 and k = 5, 10, .. 50 experiment 1 of Rahaman et al. 2019, "On the Spectral Bias of Neural
    Networks" (amplitudes equal, or rising linearly from .1 to 1; random phases); with ``length`` 2 pi and k = 5, 20, 50
    the synthetic function of arXiv 2512.22192 (400 of 1,024 points, phases 0).

    Args:
        frequencies: k, in cycles per interval, each once; below half the number of grid points.
        amplitudes: ``equal``: all 1; ``rising``: linearly from .1 at the first frequency to 1 at the last.
        phases: ``zero``, or ``random``: uniform in [0, 2 pi).
        phase_seed: seed of the phases.
        length: L, the interval's length in units of x.
        grid: points of the regular grid.
        n_train: how many of them train; None takes all.
        point_seed: seed of that choice.

    Raises:
        ValueError: a frequency twice or beyond what the grid resolves, or ``n_train`` larger than the grid.
    """

    def __init__(
        self,
        *,
        frequencies: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        amplitudes: Literal["equal", "rising"],
        phases: Literal["zero", "random"],
        phase_seed: Annotated[int, Ge(0)],
        length: Annotated[float, Gt(0)],
        grid: Annotated[int, Ge(4)],
        n_train: Annotated[int, Ge(1)] | None,
        point_seed: Annotated[int, Ge(0)],
    ) -> None:
        super().__init__()
        if len(set(frequencies)) < len(frequencies) or 2 * max(frequencies) >= grid:
            raise ValueError(
                f"dataset.frequencies={frequencies}: choose each once, below {grid / 2:g}, half of dataset.grid"
            )
        if n_train is not None and n_train > grid:
            raise ValueError(f"dataset.n_train={n_train}: choose at most {grid}, the points of dataset.grid, or null")
        self.frequencies = np.array(frequencies)
        self.amplitudes = np.ones(len(frequencies))
        if amplitudes == "rising":
            self.amplitudes = np.linspace(0.1, 1, len(frequencies))
        self.phases = np.zeros(len(frequencies))
        if phases == "random":
            self.phases = np.random.default_rng(phase_seed).uniform(0, 2 * math.pi, len(frequencies))
        self.length = length
        self.grid = grid
        self.n_train = n_train
        self.point_seed = point_seed

    def values(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """y (N,) at x (N,)."""
        angles = 2 * math.pi / self.length * np.outer(x, self.frequencies) + self.phases
        found: NDArray[np.float64] = np.sin(angles) @ self.amplitudes
        return found

    def points(self) -> tuple[Points, Points, Points]:
        """See :meth:`FunctionDataset.points`."""
        step = self.length / self.grid
        places = np.arange(self.grid)
        chosen = places
        if self.n_train is not None:
            chosen = np.sort(np.random.default_rng(self.point_seed).permutation(self.grid)[: self.n_train])
        train, validation, test = chosen * step, (places + 0.5) * step, places * step
        return self._points(train), self._points(validation), self._points(test)

    def _points(self, x: NDArray[Any]) -> Points:
        return x[:, None], self.values(x)[:, None]
