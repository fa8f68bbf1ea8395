"""Path frequency: how fast a model's output varies on the straight line between two images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import torch
from annotated_types import Ge
from torch import Generator, Tensor

from frequency_reg.dataset.base import as_values
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.records import field

Kind = Literal["within", "between"]


class PathFrequency(Diagnostic):
    """Power spectrum of ``g(t) = ||p(x(t)) - p(x(0))||`` along ``x(t) = (1 - t) a + t b``, mean over paths.

    p is the softmax output, || || the L2 norm. Sampled at t = j / points, j = 0..points-1, so that bin k of the DFT is
    k cycles per path; power is ``|DFT(g)_k / points|^2``, k = 0..points/2, one-sided and not doubled. a and b are
    different images of one class (``within``) or of two (``between``): a is drawn uniformly from the images that have
    such a partner, b uniformly from its partners, with replacement. A kind that no two images make is left out.

    Source: Fridovich-Keil, Lopes, Roelofs 2021, "Spectral Bias in Practice: The Role of Function Frequency in
    Generalization" (NeurIPS 2022): paths between images within and between classes, and the spectrum of the predictions
    along them. Deviation: the end b is not sampled, and no window is applied; g is not periodic, and a path that ends
    away from where it began has power that falls as k^-2 for that alone, in every model.

    Cost: 2 x paths x points forward passes.

    Args:
        paths: of each kind.
        points: along each.
        images: paths join the first so many images of the split; None takes all.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "path_frequency": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("kind", pa.string(), "within (both ends of one class) or between (of two)"),
                field("frequency", pa.float64(), "k, bin of the DFT along the path", unit="cycle per path"),
                field("power", pa.float64(), "|DFT(g)_k / points|^2, g = ||p(t) - p(0)||_2, mean over paths"),
                field("power_sd", pa.float64(), "its standard deviation over paths (n - 1); NULL for one path"),
                field("points", pa.int32(), "points along each path"),
                field("length", pa.float64(), "mean ||b - a||_2 of the paths, pixels in [0, 1]"),
                field("paths", pa.int64(), "paths averaged over"),
            ]
        )
    }

    def __init__(
        self,
        *,
        paths: Annotated[int, Ge(1)],
        points: Annotated[int, Ge(2)],
        images: Annotated[int, Ge(1)] | None,
    ) -> None:
        self.paths = paths
        self.points = points
        self.images = images

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        kinds: tuple[Kind, ...] = ("within", "between")
        for kind in kinds:
            ends = pairs(split.labels.cpu(), kind, self.paths, question.generator("path_frequency", kind))
            if ends is None:
                continue
            first, last = (as_values(split.images[end.to(split.images.device)]) for end in ends)
            power = path_power(distances(question, first, last, self.points))
            spread = power.std(0) if len(power) > 1 else torch.full_like(power[0], torch.nan)
            yield (
                "path_frequency",
                {
                    "split": question.split_name,
                    "kind": kind,
                    "frequency": torch.arange(power.shape[1], dtype=torch.float64).tolist(),
                    "power": power.mean(0).tolist(),
                    "power_sd": spread.tolist(),
                    "points": self.points,
                    "length": float((last - first).flatten(1).norm(dim=1).double().mean()),
                    "paths": len(power),
                },
            )


def pairs(labels: Tensor, kind: Kind, paths: int, generator: Generator) -> tuple[Tensor, Tensor] | None:
    """Indices (paths,) of the first and last image of random paths; None if no two images make one.

    Args:
        labels: (N,) int64.
        kind: of one class, or of two.
        paths: how many.
        generator: the only source of randomness.
    """
    order = torch.argsort(labels, stable=True)
    counts = torch.bincount(labels)
    starts = torch.cumsum(counts, 0) - counts  # of each class in ``order``
    size = counts[labels]  # of each image's class
    partners = size - 1 if kind == "within" else len(labels) - size
    able = torch.where(partners > 0)[0]
    if len(able) == 0:
        return None
    first = able[torch.randint(len(able), (paths,), generator=generator)]
    place = (torch.rand(paths, generator=generator, dtype=torch.float64) * partners[first]).long()
    if kind == "within":  # the place among the others of the class: skip the image itself
        own = torch.argsort(order)[first] - starts[labels[first]]
        place = starts[labels[first]] + place + (place >= own)
    else:  # the place among all others: skip the class
        place = place + torch.where(place >= starts[labels[first]], size[first], 0)
    return first, order[place]


def distances(question: Question, first: Tensor, last: Tensor, points: int) -> Tensor:
    """``||p(x(t)) - p(x(0))||`` (P, points) float64 at t = j / points, for paths between (P, C, H, W) each."""
    index = torch.arange(len(first) * points, device=first.device)
    outputs = []
    for chosen in index.split(question.batch_size):
        path, t = chosen // points, (chosen % points).float().div_(points).view(-1, 1, 1, 1)
        outputs.append(question.logits(torch.lerp(first[path], last[path], t)).double().softmax(1))
    p = torch.cat(outputs).unflatten(0, (len(first), points))
    found: Tensor = torch.linalg.vector_norm(p - p[:, :1], dim=2)
    return found.cpu()


def path_power(values: Tensor) -> Tensor:
    """``|DFT(g)_k / n|^2`` (P, n // 2 + 1) of functions (P, n) sampled on [0, 1)."""
    power: Tensor = (torch.fft.rfft(values) / values.shape[1]).abs().square()
    return power
