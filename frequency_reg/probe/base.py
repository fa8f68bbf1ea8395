"""The contract of a probe.

A probe measures a model at epoch 0 (before the first update), after every epoch or every so many, and after the last
one, and yields rows; the runner asks it when it is :meth:`~Probe.due` and writes them. It is shown the data once,
before. It owns what it needs between epochs and hands it over as plain tensors in :meth:`Probe.state_dict`, so that a
resumed run measures what the uninterrupted one would have. A probe draws random numbers from seeds of its own only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
from torch import Tensor, nn

from frequency_reg.dataset.base import ImageData

Rows = tuple[str, Mapping[str, Any]]
"""Name of a table and its columns, as :meth:`frequency_reg.records.RunWriter.add` takes them."""


class Probe(ABC):
    """See the module's text.

    Attributes:
        schemas: tables that the probe adds to those of :data:`frequency_reg.records.TABLES`, by name.
        every: epochs between two measurements.
        last: epochs of the run, set by the runner; None outside of one.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {}
    every: int = 1
    last: int | None = None

    def due(self, epoch: int) -> bool:
        """Whether the model is measured after ``epoch`` epochs: at 0, every :attr:`every` epochs, and at the end."""
        return epoch % self.every == 0 or epoch == self.last

    def prepare(self, data: ImageData) -> None:  # noqa: B027 - most probes look at the weights alone
        """Take from the data, once and before training, what measuring needs.

        Raises:
            ValueError: the data are not of the kind that the probe measures on.
        """

    def check(self, model: nn.Module) -> None:  # noqa: B027 - most probes take any model
        """Refuse, before training and after :meth:`prepare`, a model that the probe cannot measure.

        Raises:
            ValueError: naming what the probe takes.
        """

    @abstractmethod
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """Rows for the state of ``model`` after ``epoch`` epochs; leaves model and random state as they were."""

    def state_dict(self) -> dict[str, Tensor]:
        """What :meth:`load_state_dict` needs to go on after an interruption."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up the state of an interrupted run."""
        del state
