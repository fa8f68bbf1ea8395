"""Which shapes reach the modules of a model, for regularizers that act on feature maps."""

from __future__ import annotations

from collections.abc import Iterable

import torch

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
