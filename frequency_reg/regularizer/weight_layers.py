"""Which layers have a weight matrix, for regularizers that act on weights as linear maps."""

from __future__ import annotations

from torch import nn

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import network_parameters


def weight_layers(model: Model) -> tuple[str, ...]:
    """Names of the network's convolutions and fully connected layers, in the model's order of definition.

    Norms, biases and embeddings of positions are no linear maps; a layer that another regularizer added is not the
    network's. Look a layer up by its name when it is used: another regularizer may have put its own module there.
    """
    own = set(network_parameters(model))
    return tuple(
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight in own
    )


def is_plain(conv: nn.Conv2d) -> bool:
    """Whether it has no groups, no dilation, and a number of zeros for padding."""
    return (conv.groups, conv.dilation, conv.padding_mode) == (1, (1, 1), "zeros") and not isinstance(conv.padding, str)
