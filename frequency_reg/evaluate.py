"""Accuracy and loss of a model, clean and under corruptions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from frequency_reg.corrupted import CorruptedSets, generated, generator_version
from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import UNIT, Published, row_name
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.model.base import Model
from frequency_reg.objective import hits, loss_sum


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
    return _score(model, pixels, split.labels, batch_size=batch_size, precision=precision)


@torch.no_grad()
def _score(
    model: Model, batches: Iterable[Tensor], labels: Tensor, *, batch_size: int, precision: torch.dtype
) -> Score:
    """The score over batches of pixels (``batch_size``, C, H, W) in [0, 1], float32, and labels (N,)."""
    model.eval()
    totals = torch.zeros(2, dtype=torch.float64, device=labels.device)
    for pixels, truth in zip(batches, labels.split(batch_size), strict=True):
        outputs = _logits(model, pixels, precision)
        totals += torch.stack([hits(outputs, truth).double(), loss_sum(outputs, truth).double()])
    accuracy, loss = (totals / len(labels)).tolist()
    return Score(None if labels.is_floating_point() else accuracy, loss, len(labels))


def _logits(model: Model, pixels: Tensor, precision: torch.dtype) -> Tensor:
    with torch.autocast(pixels.device.type, precision, enabled=precision != torch.float32):
        logits: Tensor = model(pixels.contiguous(memory_format=torch.channels_last))
    return logits.float()


def robustness(
    model: Model,
    split: Split,
    corruptions: Mapping[str, Corruption],
    *,
    split_name: str,
    batch_size: int,
    precision: torch.dtype,
    seed: int,
    eight_bit: bool = False,
    cache_gib: float = 0,
    versions: dict[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table: each corruption at every severity, severity 0 first.

    Severity 0 is the clean set by construction: each corruption must return the very pixels it was given, which is
    asserted on the first batch, and the clean score is computed once.

    Args:
        cache_gib: GiB that kept corrupted images may take, see :mod:`frequency_reg.corrupted`; 0 generates them all.
        versions: takes, by the corruption's name, which code made its images.

    Raises:
        AssertionError: a corruption changes the images at severity 0.
    """
    size: dict[str, Any] = {"batch_size": batch_size, "precision": precision}
    clean = score(model, split, **size)
    sets = CorruptedSets(split.images, batch_size=batch_size, seed=seed, eight_bit=eight_bit, cache_gib=cache_gib)
    for name, corruption in corruptions.items():
        version = generator_version(corruption)
        if versions is not None and version is not None:
            versions[name] = version
        assert_clean_at_zero(name, corruption, split.images[:batch_size])
        for severity, parameter in enumerate([None, *corruption.parameters]):
            result = clean
            if severity:
                result = _score(model, sets.batches(corruption, severity), split.labels, **size)
            yield {
                "split": split_name,
                "corruption": name,
                "severity": severity,
                "parameter": None if parameter is None else float(parameter),
                "parameter_unit": corruption.unit,
                "accuracy": result.accuracy,
                "loss": result.loss,
                "n": result.n,
            }


def published_robustness(
    model: Model,
    data: ImageData,
    published: Mapping[str, Published],
    *,
    batch_size: int,
    precision: torch.dtype,
    versions: dict[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table for stored images: each corruption of each set, severity 0 first.

    Severity 0 is the clean test split of ``data``. The parameter is the published severity itself; names are those of
    :func:`frequency_reg.corruption.published.row_name`, which no computed corruption has.

    Args:
        versions: takes, by that name, 16 hex digits of a SHA-256 over the pixels and labels of all severities.

    Raises:
        DataError: the stored images are damaged, or no corrupted test images of ``data``.
    """
    if not published:
        return
    size: dict[str, Any] = {"batch_size": batch_size, "precision": precision}
    clean = score(model, data.test, **size)
    for key, source in published.items():
        digests: dict[str, Any] = {}
        for stored in source.sets(data):
            name = row_name(key, stored.corruption)
            digest = digests.setdefault(name, hashlib.sha256())
            rows = {0: clean} if stored.severity == 1 else {}
            rows[stored.severity] = _stored_score(model, _digested(stored.parts(), digest), data, **size)
            if versions is not None:
                versions[name] = digest.hexdigest()[:16]
            for severity, result in rows.items():
                yield {
                    "split": "test",
                    "corruption": name,
                    "severity": severity,
                    "parameter": float(severity) if severity else None,
                    "parameter_unit": UNIT,
                    "accuracy": result.accuracy,
                    "loss": result.loss,
                    "n": result.n,
                }


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
    pixels = images.float().div_(255)
    if not torch.equal(corruption(pixels, 0, torch.Generator()), pixels):
        raise AssertionError(f"corruption {name} changes the images at severity 0")
