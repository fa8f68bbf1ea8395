"""FGSM: one step of size eps along the sign of the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Ge, Gt, MinLen

from frequency_reg.diagnostic.attack import ATTACKS, balls, check_balls, fast_gradient_sign, met
from frequency_reg.diagnostic.base import Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape


class FGSM(Diagnostic):
    """Fast gradient sign method: ``x' = clip(x + eps sign(grad_x loss(x, y)), 0, 1)`` for each eps, and the clean set.

    An image counts as classified correctly if it is so both clean and attacked, and its loss is the larger of both: the
    clean image lies in the ball too.

    Source: Goodfellow, Shlens, Szegedy 2015, "Explaining and Harnessing Adversarial Examples", section 4. Deviation:
    the worse of clean and attacked image, as in evaluations of robust accuracy.

    Cost: images forward passes, and for each eps images forward and backward and images forward.

    Args:
        linf: eps of each row, in 1/255 of the pixels' range.
        images: the first so many of the split; None takes all.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {"attacks": ATTACKS}

    def __init__(
        self,
        *,
        linf: Annotated[list[Annotated[float, Gt(0)]], MinLen(1)],
        images: Annotated[int, Ge(1)] | None,
    ) -> None:
        self.linf = linf
        self.images = images

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: ARG002
        """See :meth:`Diagnostic.check`."""
        check_balls("fgsm", image_shape, linf=self.linf)

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        clean = met(question, split)
        shared = {"split": question.split_name, "attack": "fgsm", "norm": "linf"}
        yield "attacks", {**shared, "eps": 0.0, "steps": 0, "restarts": 0, **clean.score()}
        for ball in balls(self.linf, []):
            worst = clean.worse(fast_gradient_sign(question, split, ball))
            yield "attacks", {**shared, "eps": ball.eps, "steps": 1, "restarts": 1, **worst.score()}
