"""Band importance: the accuracy that a model loses without a band of frequencies, and the one it has on it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Tensor

from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape
from frequency_reg.records import field

Energy = Literal["power", "magnitude"]


class BandImportance(Diagnostic):
    """Cuts the spectrum into rings of about equal energy and removes each of them, or all the others.

    The energy is that of the split's own mean spectrum without DC; a band is whole rings of equal radius, and takes
    rings while that brings its share nearer to 1 / (bands left) of the energy left. Natural images have most of their
    power in the first rings, so shares differ; every row carries its band's share. DC, each image's channel means,
    belongs to no band and is always kept. Images are filtered in [0, 1] and *not* clipped, which would write other
    frequencies into them.

    ``remove``: one band is missing and all others are there (leave one out). ``keep``: it is there and all others are
    missing. These are the two ends of the orders that a Shapley value averages over, which is not computed.

    Source: Abello, Hirata, Wang 2021, "Dissecting the High-Frequency Bias in Convolutional Neural Networks" (CVPR
    Workshops, pp. 863-871): disjoint discs of equal energy, each removed from the test images. Deviations from their
    published code: a round radius for |fy| + |fx|; ``power`` by default for ``magnitude``; energy summed over the
    channels for that of the grey image; ``keep`` is ours.

    Cost: (2 bands + 1) x images forward passes.

    Args:
        bands: how many; at most the number of radii that the images have, without 0.
        energy: ``power`` |F|^2, or ``magnitude`` |F|, which gives the published, more equal bands.
        images: the first so many of the split are classified; None takes all. The energy is that of the whole split.

    Raises:
        ValueError: from :meth:`check` and :meth:`measure`, if the images have fewer radii than ``bands``.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "band_importance": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("band", pa.int32(), "number of the band, 0 is the lowest"),
                field("radius_from", pa.float64(), "smallest radius in the band", unit="cycle per shorter side"),
                field("radius_to", pa.float64(), "largest radius in the band", unit="cycle per shorter side"),
                field("bins", pa.int32(), "DFT bins in the band, both half-planes"),
                field("energy", pa.float64(), "the band's share of the split's mean spectrum without DC"),
                field("operation", pa.string(), "remove (all but the band is kept) or keep (the band and DC alone)"),
                field("accuracy", pa.float64(), "accuracy on the filtered images"),
                field("loss", pa.float64(), "mean cross-entropy on the filtered images", unit="nat"),
                field("drop", pa.float64(), "accuracy on the unfiltered images - accuracy"),
                field("n", pa.int64(), "images classified", unit="image"),
            ]
        )
    }

    def __init__(self, *, bands: Annotated[int, Ge(1)], energy: Energy, images: Annotated[int, Ge(1)] | None) -> None:
        self.bands = bands
        self.energy = energy
        self.images = images

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: ARG002
        """See :meth:`Diagnostic.check`."""
        equal_energy_bands(torch.ones(image_shape[1:], dtype=torch.float64), self.bands)

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        bands = equal_energy_bands(mean_spectrum(question.split.images, self.energy, question.batch_size), self.bands)
        clean, _ = _score(question, split, lambda pixels: pixels)
        for number, band in enumerate(bands):
            for operation, kept in (("remove", ~band.mask), ("keep", band.mask | _dc(band.mask))):
                accuracy, loss = _score(question, split, _filter(kept))
                yield (
                    "band_importance",
                    {
                        "split": question.split_name,
                        "band": number,
                        **band.description(),
                        "operation": operation,
                        "accuracy": accuracy,
                        "loss": loss,
                        "drop": clean - accuracy,
                        "n": len(split),
                    },
                )


class Band(NamedTuple):
    """A ring of the Fourier plane.

    Attributes:
        mask: (H, W) bool, the band's bins of the DFT.
        radius_from, radius_to: its smallest and largest radius, in cycles per shorter side.
        energy: its share.
    """

    mask: Tensor
    radius_from: float
    radius_to: float
    energy: float

    def description(self) -> dict[str, Any]:
        """Its columns in the table."""
        return {
            "radius_from": self.radius_from,
            "radius_to": self.radius_to,
            "bins": int(self.mask.sum()),
            "energy": self.energy,
        }


def mean_spectrum(images: Tensor, energy: Energy, batch_size: int) -> Tensor:
    """Mean over images and channels of |DFT2(x)|^2 (``power``) or |DFT2(x)| (``magnitude``), DC set to 0.

    Args:
        images: uint8 (N, C, H, W).
        energy: what is averaged.
        batch_size: images transformed at once.

    Returns:
        (H, W) float64 on the CPU.
    """
    total = torch.zeros(images.shape[-2:], dtype=torch.float64, device=images.device)
    for batch in images.split(batch_size):
        magnitude = torch.fft.fft2(as_values(batch)).abs().double()
        total += (magnitude.square() if energy == "power" else magnitude).sum((0, 1))
    total[0, 0] = 0
    return (total / (len(images) * images.shape[1])).cpu()


def equal_energy_bands(spectrum: Tensor, bands: int) -> list[Band]:
    """Rings of about equal energy of a spectrum (H, W), lowest radii first; DC is in none.

    Raises:
        ValueError: there are fewer radii than ``bands``.
    """
    height, width = spectrum.shape
    side = min(height, width)
    # Squared radii in units that are whole numbers, or equal ones would differ by rounding.
    fy, fx = (torch.fft.fftfreq(n, dtype=torch.float64).mul(n).round().long() for n in (height, width))
    squared = (fy * width).square()[:, None] + (fx * height).square()[None, :]
    radii, ring = squared.unique(return_inverse=True)
    if len(radii) - 1 < bands:
        raise ValueError(
            f"diagnostic.band_importance.bands={bands}: {height} x {width} images have only {len(radii) - 1} radii; "
            f"choose at most {len(radii) - 1}"
        )
    energies = torch.zeros(len(radii), dtype=torch.float64).index_add_(0, ring.flatten(), spectrum.flatten())
    radius = radii.double().sqrt() * (side / (height * width))
    found: list[Band] = []
    for start, stop in _cuts(energies[1:].tolist(), bands):
        share = float(energies[1 + start : 1 + stop].sum() / energies.sum())
        mask = (ring >= 1 + start) & (ring < 1 + stop)
        found.append(Band(mask, float(radius[1 + start]), float(radius[stop]), share))
    return found


def _cuts(energies: list[float], bands: int) -> Iterator[tuple[int, int]]:
    """Where each band starts and stops among the rings; each has one ring at least, the last all that are left."""
    start, left = 0, sum(energies)
    for after in range(bands - 1, 0, -1):
        target, taken, stop = left / (after + 1), energies[start], start + 1
        while stop < len(energies) - after and abs(taken + energies[stop] - target) <= abs(taken - target):
            taken, stop = taken + energies[stop], stop + 1
        yield start, stop
        start, left = stop, left - taken
    yield start, len(energies)


def _dc(mask: Tensor) -> Tensor:
    only = torch.zeros_like(mask)
    only[0, 0] = True
    return only


def _filter(kept: Tensor) -> Callable[[Tensor], Tensor]:
    """Pixels (N, C, H, W) -> their part at the frequencies where ``kept`` (H, W) is set."""

    def apply(pixels: Tensor) -> Tensor:
        half = kept[:, : kept.shape[1] // 2 + 1].to(pixels.device)
        filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(pixels) * half, s=kept.shape)
        return filtered

    return apply


def _score(question: Question, split: Split, change: Callable[[Tensor], Tensor]) -> tuple[float, float]:
    """Accuracy and mean cross-entropy on the split's images after ``change``."""
    totals = torch.zeros(2, dtype=torch.float64, device=split.images.device)
    batches = zip(split.images.split(question.batch_size), split.labels.split(question.batch_size), strict=True)
    for images, labels in batches:
        correct, loss = question.outcomes(change(as_values(images)), labels)
        totals += torch.stack([correct.double().sum(), loss.sum()])
    accuracy, loss_mean = (totals / len(split)).tolist()
    return accuracy, loss_mean
