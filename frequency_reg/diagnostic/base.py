"""The contract of a diagnostic.

A diagnostic asks a trained model on images: where in the spectrum its errors lie, what an attack achieves, how fast its
output varies between two images. It runs once, after training, on a split that it is given, and yields rows; the runner
writes them. It leaves the model's weights, mode and random state as they were, and draws random numbers from generators
seeded by ``seed`` alone, so that all models meet the same perturbations, whatever the batch size.

A variant is one file with a class that derives from :class:`Diagnostic` and one ``conf/diagnostic/<name>.yaml``; its
constructor takes keywords only, and their defaults stand in the YAML. Every table of a diagnostic has a ``split``
column.

A diagnostic that asks another trained network beside the model has a parameter ``source``: that run's folder, or None
for none. The runner loads it before anything is trained, refuses one that was trained on other classes or image sizes
or is the asked network itself, and hands it over in :attr:`Question.sources`. A run's identity and records name the
source by its run id, never by the folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pyarrow as pa
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from frequency_reg import records
from frequency_reg.dataset.base import Split
from frequency_reg.model.base import ImageShape, Model, evaluation_mode
from frequency_reg.streams import stream_seed

Rows = tuple[str, Mapping[str, Any]]
"""Name of a table and its columns, as :meth:`frequency_reg.records.RunWriter.add` takes them."""

RUN_ID = records.field("run_id", pa.string(), "hash of the resolved configuration that made the run")
SPLIT = records.field("split", pa.string(), "test or validation")


@dataclass(frozen=True)
class Source:
    """Another trained network that a diagnostic asks beside the model.

    Attributes:
        model: trained on the same classes and image size, in evaluation mode, on the device of the images.
        run_id: identity of the run that trained it.
        weights: digest of its weights.
    """

    model: Model
    run_id: str
    weights: str


@dataclass(frozen=True)
class Question:
    """What a diagnostic is asked on.

    Attributes:
        model: trained; (N, C, H, W) pixels in [0, 1] -> logits. On the device of the images.
        split: uint8 images and labels.
        split_name: test or validation.
        batch_size: images that one forward pass may hold.
        precision: float32, or the dtype of autocast.
        seed: of everything random in the diagnostic.
        sources: other networks, by the folders that the diagnostics' ``source`` parameters name.
    """

    model: Model
    split: Split
    split_name: str
    batch_size: int
    precision: torch.dtype
    seed: int
    sources: Mapping[str, Source] = field(default_factory=dict)

    def of(self, source: Source) -> Question:
        """The same question, asked of another network."""
        return replace(self, model=source.model)

    def first(self, images: int | None) -> Split:
        """The first ``images`` of the split (all if None): equal for every model."""
        return Split(self.split.images[:images], self.split.labels[:images])

    def generator(self, *names: str | int) -> Generator:
        """A CPU generator for the stream ``names``, seeded by ``seed`` and these alone."""
        return torch.Generator().manual_seed(stream_seed(self.seed, "diagnostic", *names))

    def logits(self, pixels: Tensor) -> Tensor:
        """float32 logits (N, classes) of pixels (N, C, H, W) in [0, 1]; where gradients are enabled, they pass."""
        with torch.autocast(pixels.device.type, self.precision, enabled=self.precision != torch.float32):
            logits: Tensor = self.model(pixels.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def outcomes(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Which of the images (N, C, H, W) are classified as their labels (N,): bool, and their losses: float64, nat.

        The cross-entropy is formed in float64: in float32 it is exactly 0, with a gradient of 0, for images that the
        model is sure of.
        """
        logits = self.logits(pixels)
        return logits.argmax(1) == labels, F.cross_entropy(logits.double(), labels, reduction="none")


class Diagnostic(ABC):
    """See the module's text.

    Attributes:
        schemas: tables that the diagnostic adds to those of :data:`frequency_reg.records.TABLES`, by name.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {}

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: B027 - most take any
        """Refuse images (C, H, W) or a number of classes that cannot be asked on, before any training.

        Raises:
            ValueError: naming the parameter and its valid values, or what is missing and how to get it.
        """

    def measure(self, question: Question) -> Iterator[Rows]:
        """Rows for the model on the split. The model is back in its mode before the first row is handed out."""
        with ExitStack() as stack:
            for model in (question.model, *(source.model for source in question.sources.values())):
                stack.enter_context(at_rest(model))
            stack.enter_context(torch.no_grad())
            found = list(self.rows(question))
        yield from found

    @abstractmethod
    def rows(self, question: Question) -> Iterator[Rows]:
        """What :meth:`measure` hands out; the model is in evaluation mode, and gradients are off."""


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and no parameter asks for a gradient; both are put back as they were, module by module."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        with evaluation_mode(model):
            yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
