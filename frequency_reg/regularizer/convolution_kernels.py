"""Which convolutions a penalty on kernels acts on, and their kernels by size: many layers, one matrix product."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import network_parameters


def spatial_convolutions(model: Model, regularizer: str) -> tuple[str, ...]:
    """Names of the network's 2-D convolutions with square kernels above 1 x 1, in the model's order of definition.

    A 1 x 1 kernel has no frequency but DC. A convolution that another regularizer added is not the network's.

    Raises:
        ValueError: there is none; the message begins with ``regularizer=`` and the name given.
    """
    own = set(network_parameters(model))
    names = tuple(
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
        and module.kernel_size[0] == module.kernel_size[1] > 1
        and not own.isdisjoint(module.parameters())
    )
    if not names:
        raise ValueError(
            f"regularizer={regularizer}: {type(model).__name__} has no convolution with kernels above 1 x 1; choose a "
            "convolutional model, such as model=lenet or model=resnet20"
        )
    return names


def weights_by_size(model: nn.Module, names: Iterable[str]) -> dict[int, list[Tensor]]:
    """Kernel size k -> the weights (out, in, k, k) of the named convolutions of that size, in the order given.

    They are looked up by name, since another regularizer may have put another module there.
    """
    found: dict[int, list[Tensor]] = {}
    for name in names:
        weight: Tensor = model.get_submodule(name).weight  # type: ignore[assignment]
        found.setdefault(weight.shape[-1], []).append(weight)
    return found


def kernel_rows(weights: Iterable[Tensor]) -> Tensor:
    """Weights (out, in, k, k) of one kernel size -> (sum of out * in, k * k), one kernel a row."""
    return torch.cat([weight.flatten(2).flatten(0, 1) for weight in weights])
