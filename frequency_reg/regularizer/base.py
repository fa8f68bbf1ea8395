"""The contract of a regularizer, and how several of them act as one.

A regularizer is a set of hooks. Each takes what it needs, returns a value and never sees the trainer; the defaults do
nothing. In the order of a run::

    model = regularizer.prepare(model)                 once, before the optimizer is built: dropout, masks
    groups = regularizer.parameter_groups(model)       once: options of the optimizer for some parameters
    images, labels = regularizer.augment(model, images, labels)      every batch, images in [0, 1]
    loss = loss + regularizer.penalty(model)           every batch
    regularizer.after_step(model, learning_rate)       after every update: decay, clipping
    rows = regularizer.report(model)                   after every epoch: what the run records of it

What it adds to modules as a parameter is part of what the network computes, as masks are; a persistent buffer is its
own memory, which checkpoints keep and a run that begins with these weights may do without.

In configuration a regularizer's parameters lie flat in the group (``regularizer.weight_decay=1e-3``) and its YAML maps
its name to its class, so that several can be chosen at once (``regularizer=[spectral_mask,weight_decay]``); hence no
two regularizers share a parameter name. The parameter that bears the regularizer's own name is its strength: at 0 the
run equals ``regularizer=none`` bit for bit. Several regularizers act in the alphabetical order of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from frequency_reg.model.base import Model

ParameterGroup = dict[str, Any]
"""``{"params": [...], option: value, ...}`` as torch.optim takes it."""


class Regularizer:
    """Hooks with defaults that do nothing. See the module's text for when each is called.

    Attributes:
        classes_only: whether it has no meaning where labels are values to fit; such a run is refused.
        pixels_only: whether it takes what it is given for pixels in [0, 1]; a run on other values is refused.
        augments_last: whether its ``augment`` comes after those of all others in a composition.
    """

    classes_only: ClassVar[bool] = False
    pixels_only: ClassVar[bool] = False
    augments_last: ClassVar[bool] = False

    def prepare(self, model: Model) -> Model:
        """The model to train; may replace modules or add parameters. Called under a random stream of its own."""
        return model

    def parameter_groups(self, model: Model) -> Sequence[ParameterGroup]:  # noqa: ARG002
        """Optimizer options, such as ``weight_decay``, for some of the model's parameters."""
        return ()

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Training batch (N, C, H, W) in [0, 1] and labels as the model shall see them.

        Labels of classes are int64 (N,) or become soft: floating (N, classes), the probability of each class.
        """
        return images, labels

    def penalty(self, model: Model) -> Tensor | None:  # noqa: ARG002
        """A scalar to add to the loss, or None."""
        return None

    def after_step(self, model: Model, learning_rate: float) -> None:
        """Act on the parameters after an update made with ``learning_rate``."""

    def report(self, model: Model) -> Iterable[tuple[str, str, float]]:  # noqa: ARG002
        """Rows (layer, quantity, value) for the ``regularizer`` table, the state after an epoch."""
        return ()


def network_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The model's own parameters: those that no regularizer added in ``prepare``. What decay and penalties act on."""
    return [parameter for parameter in model.parameters() if not hasattr(parameter, _ADDED_BY)]


_ADDED_BY = "added_by_regularizer"


class Composition(Regularizer):
    """Several regularizers as one, in the alphabetical order of their names (an attack on the images after the rest).

    Parameters that a regularizer adds in :meth:`prepare` are its own: the others' parameter groups pass them over, and
    :func:`network_parameters` leaves them out, so that weight decay does not decay a mask.

    Args:
        parts: regularizers by name.

    Attributes:
        for_classes_only: names of those that need labels that are classes.
        for_pixels_only: names of those that need values in [0, 1].
    """

    def __init__(self, parts: Mapping[str, Regularizer]) -> None:
        self.parts = [parts[name] for name in sorted(parts)]
        self.for_classes_only = [name for name in sorted(parts) if parts[name].classes_only]
        self.for_pixels_only = [name for name in sorted(parts) if parts[name].pixels_only]

    def prepare(self, model: Model) -> Model:
        """See :meth:`Regularizer.prepare`."""
        for part in self.parts:
            before = set(model.parameters())
            model = part.prepare(model)
            for parameter in set(model.parameters()) - before:
                setattr(parameter, _ADDED_BY, part)
        return model

    def parameter_groups(self, model: Model) -> list[ParameterGroup]:
        """Every trainable parameter exactly once, grouped by equal options, in the model's order."""
        options: dict[nn.Parameter, dict[str, Any]] = {p: {} for p in model.parameters() if p.requires_grad}
        for part in self.parts:
            for group in part.parameter_groups(model):
                for parameter in group["params"]:
                    if getattr(parameter, _ADDED_BY, part) is part:
                        options[parameter].update({k: v for k, v in group.items() if k != "params"})
        groups: dict[tuple[tuple[str, Any], ...], list[nn.Parameter]] = {}
        for parameter, chosen in options.items():
            groups.setdefault(tuple(sorted(chosen.items())), []).append(parameter)
        return [{"params": parameters, **dict(chosen)} for chosen, parameters in groups.items()]

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Regularizer.augment`."""
        for part in sorted(self.parts, key=lambda part: part.augments_last):
            images, labels = part.augment(model, images, labels)
        return images, labels

    def penalty(self, model: Model) -> Tensor | None:
        """Sum of the parts' penalties; None if no part has one."""
        terms = [term for part in self.parts if (term := part.penalty(model)) is not None]
        return sum(terms[1:], terms[0]) if terms else None

    def after_step(self, model: Model, learning_rate: float) -> None:
        """See :meth:`Regularizer.after_step`."""
        for part in self.parts:
            part.after_step(model, learning_rate)

    def report(self, model: Model) -> list[tuple[str, str, float]]:
        """See :meth:`Regularizer.report`."""
        return [row for part in self.parts for row in part.report(model)]


def append_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` behind what stands at the dotted ``name`` of ``model``; an identity there gives way to it."""
    present = model.get_submodule(name)
    replace_module(model, name, module if isinstance(present, nn.Identity) else nn.Sequential(present, module))


def replace_module(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` at the dotted ``name`` of ``model``; it takes over the training mode of what stood there."""
    parent, _, child = name.rpartition(".")
    holder = model.get_submodule(parent)
    module.train(holder.get_submodule(child).training)
    setattr(holder, child, module)
