"""Accuracy and loss of a model, clean and under corruptions; all that is measured of a trained model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from frequency_reg.corrupted import CorruptedSets, generated, generator_version
from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import UNIT, Published, row_name
from frequency_reg.dataset.base import ImageData, Split, as_values
from frequency_reg.diagnostic.base import Diagnostic, Question, Rows, Source
from frequency_reg.model.base import Model
from frequency_reg.objective import hits, loss_sum


@dataclass(frozen=True)
class Bench:
    """What a trained model is measured by, and how: the same for every model that is compared with it.

    Attributes:
        corruptions: computed ones, by name.
        published: sets of stored corrupted images, by name.
        diagnostics: in the order of their rows.
        sources: networks that diagnostics ask beside the model, by folder.
        splits: test, validation: where corruptions and diagnostics are asked; stored images stand for the test split.
        batch_size: images that one forward pass may hold.
        precision: float32, or the dtype of autocast.
        seed: of corruptions and diagnostics.
        eight_bit: whether corrupted pixels are cut to 256 levels.
        cache_gib: GiB that kept corrupted images may take, see :mod:`frequency_reg.corrupted`; 0 generates them all.
    """

    corruptions: Mapping[str, Corruption]
    published: Mapping[str, Published]
    diagnostics: Sequence[Diagnostic]
    sources: Mapping[str, Source] = field(default_factory=dict)
    splits: Sequence[str] = ("test",)
    batch_size: int = 500
    precision: torch.dtype = torch.float32
    seed: int = 0
    eight_bit: bool = False
    cache_gib: float = 0

    @property
    def scores_clean_test(self) -> bool:
        """Whether rows of the table ``robustness`` begin with the clean test split."""
        return bool(self.published) or (bool(self.corruptions) and "test" in self.splits)

    def question(self, model: Model, data: ImageData, split_name: str) -> Question:
        """What corruptions and diagnostics are asked on one split of ``data``."""
        split: Split = getattr(data, split_name)
        return Question(model, split, split_name, self.batch_size, self.precision, self.seed, self.sources)

    def clean_score(self, model: Model, data: ImageData) -> Score:
        """The score on the test split as it is."""
        return score(model, data.test, batch_size=self.batch_size, precision=self.precision)


def measured(
    model: Model, data: ImageData, bench: Bench, *, clean: Score, versions: dict[str, str] | None = None
) -> Iterator[Rows]:
    """Rows of ``robustness`` and of the diagnostics' tables: split after split, then those of stored images.

    Args:
        clean: :meth:`Bench.clean_score` of the model.
        versions: takes what made the corrupted images, see :func:`robustness` and :func:`published_robustness`.

    Raises:
        AssertionError, DataError: see :func:`robustness` and :func:`published_robustness`.
    """
    for split_name in bench.splits:
        question = bench.question(model, data, split_name)
        rows = robustness(
            question,
            bench.corruptions,
            clean=clean if split_name == "test" else None,
            eight_bit=bench.eight_bit,
            cache_gib=bench.cache_gib,
            versions=versions,
        )
        for row in rows:
            yield "robustness", row
        for diagnostic in bench.diagnostics:
            yield from diagnostic.measure(question)
    size: dict[str, Any] = {"batch_size": bench.batch_size, "precision": bench.precision}
    for row in published_robustness(model, data, bench.published, clean=clean, versions=versions, **size):
        yield "robustness", row


@dataclass(frozen=True)
class Score:
    """Accuracy (fraction) and mean cross-entropy (nat) over ``n`` images.

    Where the labels are values to fit, there is no accuracy and the loss is the mean squared error.
    """

    accuracy: float | None
    loss: float
    n: int


def score(
    model: Model,
    split: Split,
    *,
    batch_size: int,
    precision: torch.dtype = torch.float32,
    corruption: Corruption | None = None,
    severity: int = 0,
    seed: int = 0,
    eight_bit: bool = False,
) -> Score:
    """Score ``model`` in evaluation mode on a split of uint8 images, corrupted in [0, 1] before normalisation.

    The corrupted images are those of :func:`frequency_reg.corrupted.generated`, the same for every model.
    """
    pixels = generated(split.images, corruption, severity, batch_size=batch_size, seed=seed, eight_bit=eight_bit)
    return _score(Question(model, split, "", batch_size, precision, seed), pixels)


@torch.no_grad()
def _score(question: Question, batches: Iterable[Tensor]) -> Score:
    """The score over batches of pixels (``batch_size``, C, H, W) in [0, 1], float32, with the split's labels."""
    question.model.eval()
    labels = question.split.labels
    totals = torch.zeros(2, dtype=torch.float64, device=labels.device)
    for pixels, truth in zip(batches, labels.split(question.batch_size), strict=True):
        outputs = question.logits(pixels)
        totals += torch.stack([hits(outputs, truth).double(), loss_sum(outputs, truth).double()])
    accuracy, loss = (totals / len(labels)).tolist()
    return Score(None if labels.is_floating_point() else accuracy, loss, len(labels))


def robustness(
    question: Question,
    corruptions: Mapping[str, Corruption],
    *,
    clean: Score | None = None,
    eight_bit: bool = False,
    cache_gib: float = 0,
    versions: dict[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table: each corruption at every severity, severity 0 first.

    Severity 0 is the clean set by construction: each corruption must return the very pixels it was given, which is
    asserted on the first batch.

    Args:
        question: the model and the split; ``seed`` is that of the corruptions' random streams.
        clean: the model's score on the split as it is; scored here, once, if None.
        eight_bit: whether corrupted pixels are cut to 256 levels.
        cache_gib: GiB that kept corrupted images may take, see :mod:`frequency_reg.corrupted`; 0 generates them all.
        versions: takes, by the corruption's name, which code made its images.

    Raises:
        AssertionError: a corruption changes the images at severity 0.
    """
    if not corruptions:
        return
    split, size = question.split, question.batch_size
    clean = clean or score(question.model, split, batch_size=size, precision=question.precision)
    sets = CorruptedSets(split.images, batch_size=size, seed=question.seed, eight_bit=eight_bit, cache_gib=cache_gib)
    for name, corruption in corruptions.items():
        version = generator_version(corruption)
        if versions is not None and version is not None:
            versions[name] = version
        assert_clean_at_zero(name, corruption, split.images[:size])
        yield _row(question.split_name, name, 0, None, corruption.unit, clean)
        for severity, parameter in enumerate(corruption.parameters, start=1):
            found = _score(question, sets.batches(corruption, severity))
            yield _row(question.split_name, name, severity, float(parameter), corruption.unit, found)


def _row(
    split_name: str, corruption: str, severity: int, parameter: float | None, unit: str, found: Score
) -> dict[str, Any]:
    return {
        "split": split_name,
        "corruption": corruption,
        "severity": severity,
        "parameter": parameter,
        "parameter_unit": unit,
        "accuracy": found.accuracy,
        "loss": found.loss,
        "n": found.n,
    }


def published_robustness(
    model: Model,
    data: ImageData,
    published: Mapping[str, Published],
    *,
    batch_size: int,
    precision: torch.dtype,
    clean: Score | None = None,
    versions: dict[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table for stored images: each corruption of each set, severity 0 first.

    Severity 0 is the clean test split of ``data``. The parameter is the published severity itself; names are those of
    :func:`frequency_reg.corruption.published.row_name`, which no computed corruption has.

    Args:
        clean: the model's score on that split; scored here, once, if None.
        versions: takes, by that name, 16 hex digits of a SHA-256 over the pixels and labels of all severities.

    Raises:
        DataError: the stored images are damaged, or no corrupted test images of ``data``.
    """
    if not published:
        return
    size: dict[str, Any] = {"batch_size": batch_size, "precision": precision}
    clean = clean or score(model, data.test, **size)
    for key, source in published.items():
        digests: dict[str, Any] = {}
        for stored in source.sets(data):
            name = row_name(key, stored.corruption)
            digest = digests.setdefault(name, hashlib.sha256())
            rows = {0: clean} if stored.severity == 1 else {}
            rows[stored.severity] = _stored_score(model, _digested(stored.parts(), digest), data, **size)
            if versions is not None:
                versions[name] = digest.hexdigest()[:16]
            for severity, found in rows.items():
                yield _row("test", name, severity, float(severity) if severity else None, UNIT, found)


def _digested(parts: Iterable[Split], digest: Any) -> Iterator[Split]:
    """``parts`` as they are; their pixels (uint8, image after image) and labels go into ``digest`` on the way."""
    for part in parts:
        digest.update(part.images.contiguous().numpy().data)
        digest.update(part.labels.contiguous().numpy().data)
        yield part


def _stored_score(
    model: Model, parts: Iterable[Split], data: ImageData, *, batch_size: int, precision: torch.dtype
) -> Score:
    """The score over all parts, each part weighted by its number of images."""
    device = data.test.images.device
    found = [
        score(model, Split(part.images.to(device), part.labels.to(device)), batch_size=batch_size, precision=precision)
        for part in parts
    ]
    n = sum(each.n for each in found)
    accuracy = sum((each.accuracy or 0.0) * each.n for each in found) / n
    return Score(accuracy, sum(each.loss * each.n for each in found) / n, n)


def assert_clean_at_zero(name: str, corruption: Corruption, images: Tensor) -> None:
    """Check that severity 0 returns exactly the pixels given, for uint8 ``images`` (N, C, H, W)."""
    pixels = as_values(images)
    if not torch.equal(corruption(pixels, 0, torch.Generator()), pixels):
        raise AssertionError(f"corruption {name} changes the images at severity 0")
