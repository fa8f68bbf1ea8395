"""Error against the clean labels over training, and how far it rises again after its minimum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor, nn

from frequency_reg.dataset.base import ImageData, as_values
from frequency_reg.model.base import evaluation_mode
from frequency_reg.probe.base import Probe, Rows
from frequency_reg.records import field

_BATCH = 1000


class ValidationDip(Probe):
    """Writes ``validation_dip``: the validation error, its smallest value so far, and the ratio of the two.

    ::

        dip ratio(t) = min over measured epochs s <= t of E(s) / E(t)

    It is 1 while the error falls. Noise in the training labels (:mod:`frequency_reg.dataset.mnist_pair`, whose
    validation labels have none) that is fitted later than the clean function makes the error dip and rise: the ratio
    after the last epoch, min / final, is small. Noise that is fitted with the function or generalises as it does leaves
    no dip, and the ratio stays near 1.

    Source: Rahaman et al. 2019, "On the Spectral Bias of Neural Networks", figure 4 (curves; the ratio is ours).

    Args:
        every: measured at epoch 0, every so many epochs and after the last; the minimum is that of these.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "validation_dip": pa.schema(
            [
                field("run_id", pa.string(), "hash of the resolved configuration that made the run"),
                field("epoch", pa.int32(), "finished epochs; 0 is before the first update", unit="epoch"),
                field("validation_loss", pa.float64(), "E: mean squared error on the validation split", unit="label^2"),
                field("minimum", pa.float64(), "smallest E of the epochs measured so far", unit="label^2"),
                field("minimum_epoch", pa.int32(), "the first epoch that had it", unit="epoch"),
                field("dip_ratio", pa.float64(), "minimum / E; after the last epoch: min / final; NULL at E = 0"),
            ]
        )
    }

    def __init__(self, *, every: Annotated[int, Ge(1)]) -> None:
        self.every = every
        self.minimum, self.minimum_epoch = float("inf"), 0

    def prepare(self, data: ImageData) -> None:
        """Take the validation split."""
        if not data.validation.is_regression:
            raise ValueError(
                "probe=validation_dip measures squared errors of values to fit, such as dataset=mnist_pair; this data "
                "set has classes"
            )
        self.split = data.validation

    @torch.no_grad()
    def measure(self, model: nn.Module, epoch: int) -> Iterator[Rows]:
        """See :meth:`Probe.measure`."""
        with evaluation_mode(model):
            loss = self._error(model)
        if loss < self.minimum:
            self.minimum, self.minimum_epoch = loss, epoch
        yield (
            "validation_dip",
            {
                "epoch": epoch,
                "validation_loss": loss,
                "minimum": self.minimum,
                "minimum_epoch": self.minimum_epoch,
                "dip_ratio": self.minimum / loss if loss > 0 else None,
            },
        )

    def _error(self, model: nn.Module) -> float:
        total = 0.0
        for images, labels in zip(self.split.images.split(_BATCH), self.split.labels.split(_BATCH), strict=True):
            total += float((model(as_values(images)).double() - labels.double()).square().sum())
        return total / self.split.labels.numel()

    def state_dict(self) -> dict[str, Tensor]:
        """The minimum and its epoch."""
        return {
            "minimum": torch.tensor(self.minimum, dtype=torch.float64),
            "minimum_epoch": torch.tensor(self.minimum_epoch),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Probe.load_state_dict`."""
        self.minimum, self.minimum_epoch = float(state["minimum"]), int(state["minimum_epoch"])
