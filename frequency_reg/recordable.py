"""What the records of a run can hold a value of, as its data, model and corruptions decide it before it trains.

A search's objectives are checked against it. The classes need no torch, for sweeps do without; making them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frequency_reg.experiment import Experiment


@dataclass(frozen=True)
class Convolution:
    """A convolution with a square kernel.

    Attributes:
        layer: its module path.
        has_high_band: whether its spectrum has any frequency but 0; a kernel of 1 x 1 has none.
        has_gain: whether a batch norm follows whose gain can be folded into the weight.
    """

    layer: str
    has_high_band: bool
    has_gain: bool


@dataclass(frozen=True)
class Recordable:
    """See the module's text.

    Attributes:
        accuracy: whether there are classes to tell apart; an accuracy has no value where the labels are values to fit.
        corruptions: names of the computed corruptions, the only ones that validation images are shown with.
        convolutions: of the model, from the first to the last.
    """

    accuracy: bool
    corruptions: frozenset[str]
    convolutions: tuple[Convolution, ...]


def recordable(experiment: Experiment) -> Recordable:
    """What a run made of these parts can record."""
    from frequency_reg.probe.kernel_spectrum import convolution_layers

    return Recordable(
        accuracy=not experiment.data.train.is_regression,
        corruptions=frozenset(experiment.bench.corruptions),
        convolutions=tuple(
            Convolution(
                layer.name,
                has_high_band=layer.convolution.kernel_size[0] > 1,
                has_gain=layer.norm is not None and layer.norm.running_var is not None,
            )
            for layer in convolution_layers(experiment.model)
        ),
    )
