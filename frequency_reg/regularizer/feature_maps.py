"""Which dropout sites of a model feature maps reach, and separable transforms of them."""

from __future__ import annotations

import torch
from torch import Tensor

from frequency_reg.model.base import Model, trace_shapes


def map_sites(model: Model, regularizer: str) -> dict[str, tuple[int, int]]:
    """The model's dropout sites that feature maps (C, H, W) reach, and the height and width of these.

    Raises:
        ValueError: there is none; the message begins with ``regularizer=`` and the name given.
    """
    shapes = trace_shapes(model, model.dropout_sites)
    sites = {name: shape.entering[1:] for name, shape in shapes.items() if len(shape.entering) == 3}
    if not sites:
        raise ValueError(
            f"regularizer={regularizer}: no feature maps (C, H, W) reach the dropout_sites of {type(model).__name__}; "
            "choose a convolutional model, such as model=lenet or model=resnet20"
        )
    return sites


def transform(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``rows @ X @ columns^T`` for every map X of (N, C, h, w); (N, C, h', w'), channels last.

    With the channels last both products are batched ones over memory as it lies: on a CPU about 10 times as fast,
    forward and backward, as two real FFTs of maps of 34 x 34, and 3 times as products with the channels first.

    Args:
        rows: (h', h), applied along the columns of X.
        columns: (w', w), applied along its rows.
    """
    n, channels, height, width = maps.shape
    (new_height, _), (new_width, _) = rows.shape, columns.shape
    x = maps.permute(0, 2, 3, 1).reshape(n, height, width * channels)
    x = torch.bmm(rows.expand(n, *rows.shape), x).view(n * new_height, width, channels)
    x = torch.bmm(columns.expand(n * new_height, *columns.shape), x).view(n, new_height, new_width, channels)
    return x.permute(0, 3, 1, 2)
