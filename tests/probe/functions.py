"""Data and models whose functions are known, for the probes that measure functions."""

import math

import torch
from torch import nn

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.dataset.sinusoids import Sinusoids

DATA = Sinusoids(
    frequencies=[2, 5],
    amplitudes="equal",
    phases="zero",
    phase_seed=0,
    length=1.0,
    grid=32,
    n_train=None,
    point_seed=0,
).load()

IMAGES = Split(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4))
CLASSES = ImageData(IMAGES, IMAGES, IMAGES, ("a", "b", "c", "d"), (0.5,), (0.5,), "0" * 64)


class Waves(nn.Module):
    """sum_i w_i sin(2 pi k_i x) with the weights w as parameters; it refuses to be called in training mode."""

    def __init__(self, **weights: float) -> None:
        super().__init__()
        self.cycles = [int(name.removeprefix("k")) for name in weights]
        self.weight = nn.Parameter(torch.tensor(list(weights.values())))

    def forward(self, points):
        assert not self.training
        waves = torch.stack([torch.sin(2 * math.pi * k * points.flatten(1)[:, 0]) for k in self.cycles], 1)
        return (waves @ self.weight)[:, None]
