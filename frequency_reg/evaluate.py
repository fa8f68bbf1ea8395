"""Accuracy and loss of a model, clean and under corruptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from frequency_reg.corruption.base import Corruption
from frequency_reg.corruption.published import UNIT, Published, StoredSet, row_name
from frequency_reg.dataset.base import ImageData, Split, as_values
from frequency_reg.model.base import Model
from frequency_reg.objective import hits, loss_sum
from frequency_reg.streams import stream_seed


@dataclass(frozen=True)
class Score:
    """Accuracy (fraction) and mean cross-entropy (nat) over ``n`` images.

    Where the labels are values to fit, there is no accuracy and the loss is the mean squared error.
    """

    accuracy: float | None
    loss: float
    n: int


@torch.no_grad()
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

    The corruption draws from a generator of its own, seeded by its class and severity: every model sees the same
    corrupted images, whatever the batch size. ``eight_bit`` cuts them by :func:`truncated`.
    """
    model.eval()
    device = split.images.device
    generator = torch.Generator().manual_seed(stream_seed(seed, "corruption", type(corruption).__name__, severity))
    totals = torch.zeros(2, dtype=torch.float64, device=device)
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True):
        pixels = as_values(images)
        if corruption is not None:
            pixels = corruption(pixels, severity, generator)
            pixels = truncated(pixels) if eight_bit else pixels
        logits = _logits(model, pixels, precision)
        totals += torch.stack([hits(logits, labels).double(), loss_sum(logits, labels).double()])
    accuracy, loss = (totals / len(split)).tolist()
    return Score(None if split.is_regression else accuracy, loss, len(split))


def truncated(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] cut down to multiples of 1/255, as a cast to bytes does it; what CIFAR-10-C was stored as.

    Rounding in float32 may leave a whole level just below itself: a thousandth of a level is forgiven.
    """
    return (pixels.float() * 255 + 1e-3).floor().clamp(0, 255) / 255


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
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table: each corruption at every severity, severity 0 first.

    Severity 0 is the clean set by construction: each corruption must return the very pixels it was given, which is
    asserted on the first batch, and the clean score is computed once.

    Raises:
        AssertionError: a corruption changes the images at severity 0.
    """
    clean = score(model, split, batch_size=batch_size, precision=precision)
    for name, corruption in corruptions.items():
        assert_clean_at_zero(name, corruption, split.images[:batch_size])
        for severity, parameter in enumerate([None, *corruption.parameters]):
            result = clean
            if severity:
                result = score(
                    model,
                    split,
                    batch_size=batch_size,
                    precision=precision,
                    corruption=corruption,
                    severity=severity,
                    seed=seed,
                    eight_bit=eight_bit,
                )
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
    model: Model, data: ImageData, published: Mapping[str, Published], *, batch_size: int, precision: torch.dtype
) -> Iterator[dict[str, Any]]:
    """Rows of the ``robustness`` table for stored images: each corruption of each set, severity 0 first.

    Severity 0 is the clean test split of ``data``. The parameter is the published severity itself; names are those of
    :func:`frequency_reg.corruption.published.row_name`, which no computed corruption has.

    Raises:
        DataError: the stored images are damaged, or no corrupted test images of ``data``.
    """
    clean = score(model, data.test, batch_size=batch_size, precision=precision)
    for key, source in published.items():
        for stored in source.sets(data):
            rows = {0: clean} if stored.severity == 1 else {}
            rows[stored.severity] = _stored_score(model, stored, data, batch_size=batch_size, precision=precision)
            for severity, result in rows.items():
                yield {
                    "split": "test",
                    "corruption": row_name(key, stored.corruption),
                    "severity": severity,
                    "parameter": float(severity) if severity else None,
                    "parameter_unit": UNIT,
                    "accuracy": result.accuracy,
                    "loss": result.loss,
                    "n": result.n,
                }


def _stored_score(
    model: Model, stored: StoredSet, data: ImageData, *, batch_size: int, precision: torch.dtype
) -> Score:
    """The score over all parts, each part weighted by its number of images."""
    device = data.test.images.device
    found = [
        score(model, Split(part.images.to(device), part.labels.to(device)), batch_size=batch_size, precision=precision)
        for part in stored.parts()
    ]
    n = sum(each.n for each in found)
    accuracy = sum((each.accuracy or 0.0) * each.n for each in found) / n
    return Score(accuracy, sum(each.loss * each.n for each in found) / n, n)


def assert_clean_at_zero(name: str, corruption: Corruption, images: Tensor) -> None:
    """Check that severity 0 returns exactly the pixels given, for uint8 ``images`` (N, C, H, W)."""
    pixels = images.float().div_(255)
    if not torch.equal(corruption(pixels, 0, torch.Generator()), pixels):
        raise AssertionError(f"corruption {name} changes the images at severity 0")
