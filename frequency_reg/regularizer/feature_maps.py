"""Which feature maps reach the modules of a model, and separable transforms of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from frequency_reg.model.base import Model


def input_shapes(model: Model, names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Shape, without the batch, of what reaches each named module, found with one image of zeros.

    Feature maps have (C, H, W); vectors (features,); tokens (tokens, width). The model's state stays as it is.
    """
    names = tuple(names)
    shapes: dict[str, tuple[int, ...]] = {}
    handles = [
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, inputs, name=name: shapes.__setitem__(name, tuple(inputs[0].shape[1:]))
        )
        for name in names
    ]
    modes = [(module, module.training) for module in model.modules()]
    with torch.no_grad():
        model.eval()(torch.zeros(1, *model.image_shape))
    for module, mode in modes:
        module.training = mode
    for handle in handles:
        handle.remove()
    return {name: shapes[name] for name in names}


def map_sites(model: Model, regularizer: str) -> dict[str, tuple[int, int]]:
    """The model's dropout sites that feature maps (C, H, W) reach, and the height and width of these.

    Raises:
        ValueError: there is none; the message begins with ``regularizer=`` and the name given.
    """
    shapes = input_shapes(model, model.dropout_sites)
    sites = {name: (shape[1], shape[2]) for name, shape in shapes.items() if len(shape) == 3}
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
