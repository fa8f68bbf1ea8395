"""PGD: projected gradient ascent on the loss from random points of a ball."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Ge, Gt

from frequency_reg.diagnostic.attack import ATTACKS, balls, check_balls, met, projected_gradient
from frequency_reg.diagnostic.base import Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape


class PGD(Diagnostic):
    """Accuracy on the worst of the clean image and ``restarts`` images found by projected gradient ascent.

    With a = step_factor eps / steps, from x_0 drawn uniformly from the ball around x and clipped to [0, 1]::

        linf   x_{i+1} = clip(x_i + a sign(grad loss(x_i, y)), x - eps, x + eps)         then to [0, 1]
        l2     x_{i+1} = x + shorten(x_i + a grad loss / ||grad loss||_2 - x, eps)       then to [0, 1]

    The gradient passes through everything in the model, its normalisation and learned masks included, in the run's
    precision; the loss is the sum of the images' cross-entropies, formed in float64 so that images which the model is
    sure of keep a gradient. The last iterate of each restart counts. An image counts as classified correctly if it is
    so clean and after every restart; its loss is the largest of them. Every model meets equal random points, scaled by
    eps.

    Gradients in bfloat16 break as many images as those in float32, by one ResNet-20 (CIFAR-10, 1,000 images, 20
    steps, 1 restart, what is found judged in float32): images left at eps 0.5, 1, 2 of 255 are 613, 332, 58 against
    612, 332, 59, which differ in two images at most; the mean loss is lower by 0.2 percent or less.

    Source: Madry, Makelov, Schmidt, Tsipras, Vladu 2018, "Towards Deep Learning Models Resistant to Adversarial
    Attacks", section 2.1; PGD-20 with eps 8/255 is their CIFAR-10 evaluation, with steps of 2/255 where
    this takes 2.5 x 8/255 / 20 = 1/255. Deviation: the clean image is among the candidates.

    Cost: restarts x steps x images forward and backward passes for each eps, and (restarts + 1) x images forward.

    Args:
        linf: eps of the rows in the L-infinity norm, in 1/255 of the pixels' range.
        l2: eps of the rows in the L2 norm over a whole image with pixels in [0, 1].
        steps: gradient steps.
        step_factor: size of a step in units of eps / steps; above 1, or the far side of the ball is out of reach.
        restarts: random starting points.
        images: the first so many of the split; None takes all.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {"attacks": ATTACKS}

    def __init__(
        self,
        *,
        linf: list[Annotated[float, Gt(0)]],
        l2: list[Annotated[float, Gt(0)]],
        steps: Annotated[int, Ge(1)],
        step_factor: Annotated[float, Gt(0)],
        restarts: Annotated[int, Ge(1)],
        images: Annotated[int, Ge(1)] | None,
    ) -> None:
        self.linf = linf
        self.l2 = l2
        self.steps = steps
        self.step_factor = step_factor
        self.restarts = restarts
        self.images = images

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: ARG002
        """See :meth:`Diagnostic.check`."""
        check_balls("pgd", image_shape, linf=self.linf, l2=self.l2)

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        clean = met(question, split).score()
        chosen = balls(self.linf, self.l2)
        shared = {"split": question.split_name, "attack": "pgd"}
        for norm in dict.fromkeys(ball.norm for ball in chosen):
            yield "attacks", {**shared, "norm": norm, "eps": 0.0, "steps": 0, "restarts": 0, **clean}
        for ball in chosen:
            worst = projected_gradient(
                question, split, ball, steps=self.steps, restarts=self.restarts, step_factor=self.step_factor
            )
            strength = {"norm": ball.norm, "eps": ball.eps, "steps": self.steps, "restarts": self.restarts}
            yield "attacks", {**shared, **strength, **worst.score()}
