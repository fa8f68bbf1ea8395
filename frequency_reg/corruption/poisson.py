"""Poisson counts for many pixels at once."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Generator, Tensor

LEVELS = 255
SLOTS = 1024
HALF_DRAW = 2.0**-25  # uniform draws are whole numbers of 2^-24
CHUNK = 2**14  # values: their intermediate results stay in the cache of one core


class QuantileTable(NamedTuple):
    """Poisson distributions of means l c / 255, l = 0 .. 255, as tables of K counts each."""

    cdf: Tensor  # (256 K,) P(count <= start_l + column), level after level, 2 in each last column; float32
    keys: Tensor  # (256 K,) 4 l + cdf: rising from end to end; float64
    start: Tensor  # (256,) count of column 0; float32
    guide: Tensor  # (256 SLOTS,) column of the quantile at the lower end of each slot of [0, 1); int16


def poisson_counts(images: Tensor, photons: float, generator: Generator) -> Tensor:
    """Independent Poisson counts of mean ``photons`` x, float32, of the shape of ``images`` in [0, 1], on the CPU.

    Inversion of one uniform draw of 24 bits a value, image after image. Values on a level l / 255 read a table of
    quantiles. The rest of other values, less than a level, is a second Poisson count that is added (sums of Poisson
    counts are Poisson); it inverts the place of the draw between two values of the table's distribution, which is
    uniform given the first count.
    """
    table = _quantile_table(photons)
    values = images.detach().cpu().flatten()
    counts = []
    for chunk in values.split(CHUNK):
        uniform = torch.rand(len(chunk), generator=generator)
        counts.append(_invert(table, chunk.float() * LEVELS, uniform, photons))
    return torch.cat(counts).view(images.shape)


def _invert(table: QuantileTable, scaled: Tensor, uniform: Tensor, photons: float) -> Tensor:
    """Counts (M,) of means ``scaled`` photons / 255 at the probabilities ``uniform``, both (M,) float32."""
    width = len(table.cdf) // (LEVELS + 1)
    # 1e-4 levels, so that levels are levels whatever their rounding.
    level = (scaled + 1e-4).to(torch.int32)
    slot = uniform.mul(SLOTS).to(torch.int32).add_(level, alpha=SLOTS)
    cell = table.guide.index_select(0, slot).to(torch.int32).add_(level, alpha=width)
    cell += uniform >= table.cdf.index_select(0, cell)
    # One step is enough except in the tails, where a slot spans many counts.
    late = (uniform >= table.cdf.index_select(0, cell)).nonzero()[:, 0]
    if len(late):
        keys = uniform[late].double() + 4 * level[late]
        cell[late] = torch.searchsorted(table.keys, keys, right=True, out_int32=True)
    column = cell - level * width
    counts = table.start.index_select(0, level).add_(column)
    rest = scaled - level
    between = (rest > 1e-4).nonzero()[:, 0]
    if len(between):
        at = cell[between]
        below = torch.where(column[between] > 0, table.cdf[at - 1], 0.0).double()
        place = (uniform[between] - below) / (table.cdf[at].double().clamp(max=1) - below)
        counts[between] += _small_counts(rest[between].double() * (photons / LEVELS), place)
    return counts


def _small_counts(mean: Tensor, uniform: Tensor) -> Tensor:
    """Poisson counts of small means by sequential inversion of ``uniform`` draws; float32."""
    probability = torch.exp(-mean)
    cumulated = probability.clone()
    counts = torch.zeros_like(mean, dtype=torch.float32)
    k = 0
    most = float(mean.max())
    while (above := uniform >= cumulated).any() and k < most + 12 * most**0.5 + 30:
        k += 1
        counts += above
        probability = probability * mean / k
        cumulated += probability
    return counts


@lru_cache(maxsize=8)
def _quantile_table(photons: float) -> QuantileTable:
    """The table for c = ``photons``; what it cuts off on each side has a probability below 1e-13."""
    means = torch.arange(LEVELS + 1, dtype=torch.float64)[:, None] * (photons / LEVELS)
    spread = 8 * means.sqrt() + 25
    start = (means - spread).floor().clamp(min=0)
    counts = start + torch.arange(int((2 * spread[-1]).ceil()) + 1, dtype=torch.float64)
    logarithm = torch.xlogy(counts, means) - means - torch.lgamma(counts + 1)
    cdf = torch.exp(logarithm).cumsum(1).clamp_(max=1).float()
    cdf[cdf < HALF_DRAW] = 0  # a draw of 0 stands for all below 2^-24 and must not find what is rarer still
    cdf[:, -1] = 2  # whatever the draw, the search ends here
    keys = cdf.double() + 4 * torch.arange(LEVELS + 1)[:, None]
    slots = torch.arange(SLOTS).div(SLOTS).expand(LEVELS + 1, -1).contiguous()
    guide = torch.searchsorted(cdf, slots, right=True).to(torch.int16)
    return QuantileTable(cdf.flatten(), keys.flatten(), start[:, 0].float(), guide.flatten())
