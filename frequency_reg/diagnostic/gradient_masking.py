"""Gradient masking: signs that a gradient attack fails because of the gradient, not because the model is robust."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import pyarrow as pa
from annotated_types import Ge, Gt, Interval, MinLen
from torch import Tensor

from frequency_reg.ball import Ball
from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.attack import (
    STRENGTH,
    Outcome,
    Search,
    check_balls,
    fast_gradient_sign,
    met,
    projected_gradient,
)
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape
from frequency_reg.records import field


class GradientMasking(Diagnostic):
    """Five checks of an L-infinity attack, six with a ``source``; a model that fails one is less robust than it says.

    Each check is a series of attacks that must not lose strength from one to the next; ``value`` is the largest rise of
    accuracy along it, in which each attack is done anew, and the check is passed if ``value <= tolerance``::

        one_step   FGSM -> PGD with the most steps, at ``eps``
        steps      PGD with each of ``steps``, at ``eps``, by number of steps
        eps        PGD with the most steps, at each of ``linf``, by eps
        random     the worst of ``samples`` random points of the ball -> PGD with the most steps, at ``eps``
        unbounded  PGD with the most steps at eps 1, all images allowed: ``value`` is the accuracy that is left
        transfer   images that PGD with the most steps found on the ``source``'s network -> the same PGD, at ``eps``

    The last needs another trained network and is left out where there is no ``source``; the diagnostic ``transfer``
    gives its figures at every eps.

    Source: Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False Sense of Security", section 3.1. The
    checks are theirs; the series, the tolerance and the numbers are ours.

    Cost: about (sum of steps + most steps x (number of linf + 1)) x restarts x images forward and backward passes, and
    with a ``source`` once more most steps x restarts x images, of its network.

    Args:
        eps: of all but ``eps`` and ``unbounded``, in 1/255 of the pixels' range.
        steps: numbers of PGD steps, rising.
        linf: eps of the check ``eps``, in 1/255, rising.
        samples: random points an image.
        step_factor: size of a step in units of eps / steps, as in PGD.
        restarts: random starting points of PGD, as in PGD.
        tolerance: rise of accuracy that sampling may cause.
        images: the first so many of the split; None takes all.
        source: folder of another trained run of the same data set, for the check ``transfer``; None leaves it out.

    Raises:
        ValueError: ``steps`` or ``linf`` do not rise.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "gradient_masking": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("check", pa.string(), "one_step, steps, eps, random, unbounded or transfer"),
                field("position", pa.int32(), "place of the attack in the check's series, weakest first"),
                field("attack", pa.string(), "fgsm, pgd, transfer or random (the worst of so many restarts, no steps)"),
                *STRENGTH,
                field("accuracy", pa.float64(), "share of images classified correctly both clean and attacked"),
                field("loss", pa.float64(), "mean over images of the largest loss found", unit="nat"),
                field("n", pa.int64(), "images attacked", unit="image"),
            ]
        ),
        "gradient_masking_checks": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("check", pa.string(), "one_step, steps, eps, random, unbounded or transfer"),
                field("value", pa.float64(), "largest rise of accuracy along the series; unbounded: accuracy left"),
                field("tolerance", pa.float64(), "largest value that passes"),
                field("passed", pa.bool_(), "value <= tolerance; false is a sign of masked gradients"),
                field("n", pa.int64(), "images attacked", unit="image"),
            ]
        ),
    }

    def __init__(
        self,
        *,
        eps: Annotated[float, Gt(0)],
        steps: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
        linf: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        samples: Annotated[int, Ge(1)],
        step_factor: Annotated[float, Gt(0)],
        restarts: Annotated[int, Ge(1)],
        tolerance: Annotated[float, Interval(ge=0, le=1)],
        images: Annotated[int, Ge(1)] | None,
        source: Annotated[str, MinLen(1)] | None,
    ) -> None:
        for name, values in (("steps", steps), ("linf", linf)):
            if any(b <= a for a, b in pairwise(values)):
                raise ValueError(
                    f"diagnostic.gradient_masking.{name}={values}: each must be larger than the one before"
                )
        self.eps = eps
        self.steps = steps
        self.linf = linf
        self.samples = samples
        self.step_factor = step_factor
        self.restarts = restarts
        self.tolerance = tolerance
        self.images = images
        self.source = source

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: ARG002
        """See :meth:`Diagnostic.check`."""
        check_balls("gradient_masking", image_shape, eps=[self.eps], linf=self.linf)

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split, eps, most = question.first(self.images), self.eps / 255, self.steps[-1]
        by_steps = [self._pgd(question, split, eps, steps) for steps in self.steps]
        strongest = by_steps[-1]
        series = {
            "one_step": [_fgsm(question, split, eps), strongest],
            "steps": by_steps,
            "eps": [
                strongest if value == self.eps else self._pgd(question, split, value / 255, most) for value in self.linf
            ],
            "random": [self._random(question, split, eps), strongest],
            "unbounded": [self._pgd(question, split, 1.0, most)],
        }
        if self.source is not None:
            found_on = question.of(question.sources[self.source])
            series["transfer"] = [self._pgd(question, split, eps, most, found_on), strongest]
        shared = {"split": question.split_name, "n": len(split)}
        for check, attacks in series.items():
            for position, attack in enumerate(attacks):
                yield "gradient_masking", {**shared, "check": check, "position": position, **attack}
            correct = [round(attack["accuracy"] * len(split)) for attack in attacks]
            found = verdict(check, correct, self.tolerance, len(split))
            yield "gradient_masking_checks", {**shared, "check": check, **found}

    def _pgd(
        self, question: Question, split: Split, eps: float, steps: int, found_on: Question | None = None
    ) -> dict[str, Any]:
        pgd = Search(steps=steps, restarts=self.restarts, step_factor=self.step_factor)
        outcome = projected_gradient(question, split, Ball("linf", eps), found_on=found_on, **pgd)
        return _row("pgd" if found_on is None else "transfer", eps, steps, self.restarts, outcome)

    def _random(self, question: Question, split: Split, eps: float) -> dict[str, Any]:
        ball, worst, centres = Ball("linf", eps), met(question, split), as_values(split.images)
        for sample in range(self.samples):
            points = ball.random(centres, question.generator("gradient_masking", sample))

            def draw(_pixels: Tensor, _labels: Tensor, places: slice, points: Tensor = points) -> Tensor:
                return points[places]

            worst = worst.worse(met(question, split, draw))
        return _row("random", eps, 0, self.samples, worst)


def verdict(check: str, correct: Sequence[int], tolerance: float, n: int) -> dict[str, Any]:
    """Value, tolerance and whether the check is passed, of the ``correct`` images of ``n`` after each attack.

    Images are counted and divided once: a rise of 2 in 200 is then the very number 0.01, whereas accuracies differ by
    0.01 and a rounding error, and a tolerance of 0.01 would pass it or not by where the rise happened.
    """
    value = (correct[0] if check == "unbounded" else largest_rise(correct)) / n
    return {"value": value, "tolerance": tolerance, "passed": value <= tolerance}


def largest_rise(counts: Sequence[int]) -> int:
    """Largest amount by which a count exceeds an earlier one; 0 if they never rise."""
    rises = [later - min(counts[:place]) for place, later in enumerate(counts) if place]
    return max([0, *rises])


def _fgsm(question: Question, split: Split, eps: float) -> dict[str, Any]:
    return _row("fgsm", eps, 1, 1, met(question, split).worse(fast_gradient_sign(question, split, Ball("linf", eps))))


def _row(attack: str, eps: float, steps: int, restarts: int, outcome: Outcome) -> dict[str, Any]:
    score = {name: value for name, value in outcome.score().items() if name != "n"}
    return {"attack": attack, "norm": "linf", "eps": eps, "steps": steps, "restarts": restarts, **score}
