"""Edges of 8-bit images and the distance to them: what the liquid of spatter is shaded by."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from frequency_reg.corruption.filter_matrix import filter_matrix

_TAN_22_5 = 13573
"""tan(22.5 degrees) in units of 2^-15, rounded."""

_MOVES = {(1, 0): 1.0, (1, -1): 1.4, (1, 1): 1.4, (1, -2): 2.1969, (1, 2): 2.1969, (2, -1): 2.1969, (2, 1): 2.1969}
"""Lengths of those moves of the 5 x 5 chamfer mask that come from rows above, as (rows up, columns)."""


def canny(images: Tensor, low: int, high: int) -> Tensor:
    """Edge pixels (N, H, W), bool, of whole numbers 0..255 in float32 (N, H, W), by Canny's method.

    Gradient by Sobel filters with repeated edges, magnitude |dx| + |dy|; a pixel is a candidate where the magnitude is
    above ``low`` and a maximum along the gradient's direction in steps of 45 degrees (strictly above the left, upper
    or both diagonal neighbours); candidates above ``high`` are edges, and so is every candidate 8-connected to one.

    Source: Canny 1986, "A Computational Approach to Edge Detection"; ties, signs and borders as in OpenCV's ``Canny``.
    """
    smooth, slope = torch.tensor([[1, 2, 1], [-1, 0, 1]]).double()
    down_smooth, across_smooth = (filter_matrix(smooth, side, "edge").to(images) for side in images.shape[-2:])
    down_slope, across_slope = (filter_matrix(slope, side, "edge").to(images) for side in images.shape[-2:])
    dx, dy = down_smooth @ images @ across_slope.T, down_slope @ images @ across_smooth.T
    # Images last: a shifted view is then made of long runs of memory, and twice as fast to go through.
    dx, dy = dx.permute(1, 2, 0).int().contiguous(), dy.permute(1, 2, 0).int().contiguous()
    magnitude = (dx.abs() + dy.abs()).short()
    candidates = _ridges(dx, dy, magnitude) & (magnitude > low)
    edges = candidates & (magnitude > high)
    found = -1
    while (count := int(edges.sum())) > found:
        found = count
        around = F.pad(edges, (0, 0, 1, 1, 1, 1))
        rows = around[:-2] | around[1:-1] | around[2:]
        edges = (rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]) & candidates
    return edges.permute(2, 0, 1)


def _ridges(dx: Tensor, dy: Tensor, magnitude: Tensor) -> Tensor:
    """Where the magnitude (H, W, N) is a maximum along the gradient (dx, dy); zero lies beyond the border."""
    height, width = magnitude.shape[:2]
    around = F.pad(magnitude, (0, 0, 1, 1, 1, 1))

    def neighbour(down: int, across: int) -> Tensor:
        return around[1 + down : 1 + down + height, 1 + across : 1 + across + width]

    flat, steep = dx.abs() * _TAN_22_5, dy.abs() << 15
    level, upright = steep < flat, steep > flat + (dx.abs() << 16)
    across = (magnitude > neighbour(0, -1)) & (magnitude >= neighbour(0, 1))
    along = (magnitude > neighbour(-1, 0)) & (magnitude >= neighbour(1, 0))
    falling = (magnitude > neighbour(-1, -1)) & (magnitude > neighbour(1, 1))
    rising = (magnitude > neighbour(-1, 1)) & (magnitude > neighbour(1, -1))
    slanted = torch.where((dx ^ dy) < 0, rising, falling)
    return torch.where(level, across, torch.where(upright, along, slanted))


def chamfer_distance(edges: Tensor, limit: float) -> Tensor:
    """Distance in pixels (N, H, W), float32, to the nearest of ``edges`` (N, H, W), at most ``limit``.

    The length of the shortest path of moves to the side (1), diagonal (1.4) and of a chess knight (2.1969), which
    overrates Euclid's by at most 2%. ``limit`` everywhere in an image without edges.

    Source: Borgefors 1986, "Distance Transformations in Digital Images", 5 x 5 mask; lengths as in OpenCV's
    ``distanceTransform``.
    """
    # Images last: rows of all images are then one long run of memory.
    distance = torch.full(edges.shape, limit, device=edges.device).masked_fill_(edges, 0).permute(1, 2, 0)
    for _ in range(2):  # downwards and to the right, then back
        distance = _swept(distance, limit).flip(0, 1)
    return distance.permute(2, 0, 1).contiguous()


def _swept(distance: Tensor, limit: float) -> Tensor:
    """Distances (H, W, N) lowered to those of paths that come from above or from the left."""
    height, width, n = distance.shape
    around = torch.full((height + 2, width + 4, n), limit, device=distance.device)
    around[2:, 2:-2] = distance
    for y in range(2, height + 2):
        row = around[y, 2:-2]
        for (up, across), length in _MOVES.items():
            torch.minimum(row, around[y - up, 2 + across : 2 + across + width] + length, out=row)
        step = 1
        while step < min(width, limit):  # steps of 1, 2, 4, ... add up to a move of any length
            torch.minimum(row[step:], row[:-step] + step, out=row[step:])
            step *= 2
    return around[2:, 2:-2]
