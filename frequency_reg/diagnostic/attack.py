"""Gradient attacks within a ball: what FGSM, PGD and the check for gradient masking share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypedDict, Unpack

import pyarrow as pa
import torch
from torch import Tensor

from frequency_reg.ball import Ball
from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Question
from frequency_reg.model.base import ImageShape
from frequency_reg.records import field

STRENGTH = [
    field("norm", pa.string(), "of the perturbation of a whole image, all channels: linf or l2"),
    field("eps", pa.float64(), "largest norm of the perturbation, pixels in [0, 1]; 0 is the clean set"),
    field("steps", pa.int32(), "gradient steps of each restart"),
    field("restarts", pa.int32(), "random starting points, the worst of which counts, image by image"),
]

ATTACKS = pa.schema(
    [
        RUN_ID,
        SPLIT,
        field("attack", pa.string(), "name of the attack"),
        *STRENGTH,
        field("accuracy", pa.float64(), "share of images classified correctly both clean and after every restart"),
        field("loss", pa.float64(), "mean over images of the largest loss among clean and restarts", unit="nat"),
        field("n", pa.int64(), "images attacked", unit="image"),
    ]
)
"""The table ``attacks``."""


def balls(linf: Sequence[float], l2: Sequence[float]) -> list[Ball]:
    """The balls of a diagnostic's parameters ``linf`` (eps in 1/255) and ``l2`` (eps in the unit of pixels)."""
    return [Ball("linf", eps / 255) for eps in linf] + [Ball("l2", eps) for eps in l2]


def check_balls(diagnostic: str, image_shape: ImageShape, **eps: Sequence[float]) -> None:
    """Refuse to attack in no ball at all, or in one wider than the space of images (C, H, W).

    From black to white it is 255/255 in the L-infinity norm and sqrt(C H W) in the L2 norm; an eps above that is meant
    in another unit.

    Args:
        diagnostic: its name, for the message.
        image_shape: (C, H, W).
        eps: by parameter; ``l2`` in the unit of pixels, any other in 1/255.

    Raises:
        ValueError: there is none, or one is too large.
    """
    if not any(eps.values()):
        keys = [f"diagnostic.{diagnostic}.{key}" for key in eps]
        raise ValueError(f"{', '.join(f'{key}=[]' for key in keys)}: nothing to attack; give an eps, {keys[0]}=[8.0]")
    for key, values in eps.items():
        widest = math.sqrt(math.prod(image_shape)) if key == "l2" else 255
        unit = "pixels in [0, 1]" if key == "l2" else "1/255 of the pixels' range"
        for value in values:
            if value > widest:
                raise ValueError(
                    f"diagnostic.{diagnostic}.{key}: eps {value:g} is wider than the space of the images, which is "
                    f"{widest:.4g} from black to white; choose a smaller one, in units of {unit}"
                )


class Outcome(NamedTuple):
    """What became of each image: classified correctly, (N,) bool, and its loss, (N,) float64 in nat."""

    correct: Tensor
    loss: Tensor

    def worse(self, other: Outcome) -> Outcome:
        """Image by image the worse of both."""
        return Outcome(self.correct & other.correct, self.loss.maximum(other.loss))

    def score(self) -> dict[str, float | int]:
        """Accuracy, mean loss and number of images."""
        n = len(self.correct)
        return {"accuracy": int(self.correct.sum()) / n, "loss": float(self.loss.mean()), "n": n}


def met(question: Question, split: Split, change: Callable[[Tensor, Tensor, slice], Tensor] | None = None) -> Outcome:
    """Outcome of every image of the split after ``change(pixels, labels, places)``, batch by batch; clean if None."""
    parts = []
    for start in range(0, len(split), question.batch_size):
        places = slice(start, start + question.batch_size)
        pixels, labels = as_values(split.images[places]), split.labels[places]
        if change is not None:
            pixels = change(pixels, labels, places)
        parts.append(question.outcomes(pixels, labels))
    correct, loss = zip(*parts, strict=True)
    return Outcome(torch.cat(correct), torch.cat(loss))


def loss_gradient(question: Question, pixels: Tensor, labels: Tensor) -> Tensor:
    """Gradient of the images' summed cross-entropy with respect to each image (N, C, H, W), through the whole model."""
    with torch.enable_grad():
        given = pixels.detach().requires_grad_(True)
        _, loss = question.outcomes(given, labels)
        (gradient,) = torch.autograd.grad(loss.sum(), given)
    return gradient


def ascend(
    question: Question, pixels: Tensor, labels: Tensor, ball: Ball, *, start: Tensor, steps: int, step_size: float
) -> Tensor:
    """Projected gradient ascent on the images' losses, see :meth:`frequency_reg.ball.Ball.climb`.

    Args:
        question: whose model is attacked.
        pixels: (N, C, H, W) in [0, 1], the ball's centres.
        labels: (N,).
        ball: where the perturbed images must stay.
        start: (N, C, H, W) in the ball.
        steps: gradient steps.
        step_size: norm of a step, in the ball's norm.
    """
    return ball.climb(
        lambda images: loss_gradient(question, images, labels), pixels, start=start, steps=steps, step_size=step_size
    )


def fast_gradient_sign(question: Question, split: Split, ball: Ball) -> Outcome:
    """What became of the images after one step of FGSM to the border of an L-infinity ball, from the clean images."""

    def attack(pixels: Tensor, labels: Tensor, _places: slice) -> Tensor:
        return ascend(question, pixels, labels, ball, start=pixels, steps=1, step_size=ball.eps)

    return met(question, split, attack)


class Search(TypedDict):
    """How PGD searches a ball: from ``restarts`` random points, ``steps`` steps of ``step_factor`` eps / steps."""

    steps: int
    restarts: int
    step_factor: float


def adversarial(question: Question, split: Split, ball: Ball, **pgd: Unpack[Search]) -> Iterator[Tensor]:
    """The images (N, C, H, W) that each restart of PGD finds for the split, from random points.

    The random points depend on the norm and the restart alone: every eps scales the same ones.
    """
    centres, steps = as_values(split.images), pgd["steps"]
    step_size = pgd["step_factor"] * ball.eps / steps
    for restart in range(pgd["restarts"]):
        starts = ball.random(centres, question.generator("attack", ball.norm, restart))
        found = torch.empty_like(starts)
        for start in range(0, len(split), question.batch_size):
            places = slice(start, start + question.batch_size)
            pixels, labels = centres[places], split.labels[places]
            found[places] = ascend(
                question, pixels, labels, ball, start=starts[places], steps=steps, step_size=step_size
            )
        yield found


def shown(question: Question, split: Split, images: Tensor) -> Outcome:
    """Outcome of every image of the split where ``images`` (N, C, H, W) stand in for its own."""
    return met(question, split, lambda _pixels, _labels, places: images[places])


def projected_gradient(
    question: Question, split: Split, ball: Ball, *, found_on: Question | None = None, **pgd: Unpack[Search]
) -> Outcome:
    """Worst outcome, image by image, over the clean image and ``restarts`` runs of PGD from random points.

    Args:
        found_on: whose model PGD follows instead of the question's own, which is only shown the images.
    """
    worst = met(question, split)
    for images in adversarial(found_on or question, split, ball, **pgd):
        worst = worst.worse(shown(question, split, images))
    return worst
