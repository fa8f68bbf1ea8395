"""Transfer: adversarial images that were found on another trained network, shown to this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Ge, Gt, MinLen

from frequency_reg.diagnostic.attack import (
    STRENGTH,
    Outcome,
    Search,
    adversarial,
    balls,
    check_balls,
    met,
    projected_gradient,
    shown,
)
from frequency_reg.diagnostic.base import RUN_ID, SPLIT, Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape
from frequency_reg.records import field


class Transfer(Diagnostic):
    """Accuracy on the images that PGD finds on another network, beside PGD on this one: black box beside white box.

    On the source and on this network alike, PGD is that of :mod:`frequency_reg.diagnostic.pgd`, from equal random
    points. An image counts as classified correctly if it is so clean and after every restart, whoever it is shown to.
    Whoever attacks this network itself knows more than whoever attacks another one, so ``accuracy`` should not be below
    ``direct_accuracy``; if it is, PGD fails here for want of a gradient, not of adversarial images. ``source_accuracy``
    says whether the images were adversarial at all: where it is high, nothing follows from a high ``accuracy``.

    Source: Papernot, McDaniel, Goodfellow 2016, "Transferability in Machine Learning", arXiv 1605.07277, sections 2 and
    3; as a sign of masked gradients Athalye, Carlini, Wagner 2018, section 3.1 ("black-box attacks are better than
    white-box attacks"). Deviation: the source is any trained network of the same classes, not one trained on answers of
    the attacked network, and the clean image is among the candidates.

    Cost: for each eps, restarts x steps x images forward and backward passes of both networks.

    Args:
        source: folder of another trained run of the same data set; required.
        linf: eps of the rows in the L-infinity norm, in 1/255 of the pixels' range.
        l2: eps of the rows in the L2 norm over a whole image with pixels in [0, 1].
        steps: gradient steps, as in PGD.
        step_factor: size of a step in units of eps / steps, as in PGD.
        restarts: random starting points, as in PGD.
        images: the first so many of the split; None takes all.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {
        "transfer": pa.schema(
            [
                RUN_ID,
                SPLIT,
                field("source_run", pa.string(), "run_id of the run on whose network the images were found"),
                field("source_weights", pa.string(), "SHA-256 (first 16 hex digits) of that network's weights"),
                *STRENGTH,
                field("accuracy", pa.float64(), "share classified correctly both clean and after every restart"),
                field("loss", pa.float64(), "mean of the largest loss among clean and restarts", unit="nat"),
                field("direct_accuracy", pa.float64(), "accuracy under the same PGD on this network itself"),
                field("direct_loss", pa.float64(), "loss under the same PGD on this network itself", unit="nat"),
                field("source_accuracy", pa.float64(), "accuracy of the source's network on the images found on it"),
                field("n", pa.int64(), "images attacked", unit="image"),
            ]
        )
    }

    def __init__(
        self,
        *,
        source: Annotated[str, MinLen(1)] | None,
        linf: list[Annotated[float, Gt(0)]],
        l2: list[Annotated[float, Gt(0)]],
        steps: Annotated[int, Ge(1)],
        step_factor: Annotated[float, Gt(0)],
        restarts: Annotated[int, Ge(1)],
        images: Annotated[int, Ge(1)] | None,
    ) -> None:
        self.source = source
        self.linf = linf
        self.l2 = l2
        self.steps = steps
        self.step_factor = step_factor
        self.restarts = restarts
        self.images = images

    def check(self, image_shape: ImageShape, num_classes: int) -> None:  # noqa: ARG002
        """See :meth:`Diagnostic.check`."""
        check_balls("transfer", image_shape, linf=self.linf, l2=self.l2)
        if self.source is None:
            raise ValueError(
                "diagnostic.transfer.source=null: on whose network are the images to be found? Give the folder of "
                "another trained run of the same data set, diagnostic.transfer.source=outputs/NAME/RUN"
            )

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split, source = question.first(self.images), question.sources[str(self.source)]
        other = question.of(source)
        clean, clean_source = met(question, split), met(other, split)
        chosen = balls(self.linf, self.l2)
        shared = {"split": question.split_name, "source_run": source.run_id, "source_weights": source.weights}
        for norm in dict.fromkeys(ball.norm for ball in chosen):
            strength = {"norm": norm, "eps": 0.0, "steps": 0, "restarts": 0}
            yield "transfer", {**shared, **strength, **_scores(clean, clean, clean_source)}
        pgd = Search(steps=self.steps, restarts=self.restarts, step_factor=self.step_factor)
        for ball in chosen:
            transferred, on_source = clean, clean_source
            for images in adversarial(other, split, ball, **pgd):
                transferred = transferred.worse(shown(question, split, images))
                on_source = on_source.worse(shown(other, split, images))
            direct = projected_gradient(question, split, ball, **pgd)
            strength = {"norm": ball.norm, "eps": ball.eps, "steps": self.steps, "restarts": self.restarts}
            yield "transfer", {**shared, **strength, **_scores(transferred, direct, on_source)}


def _scores(transferred: Outcome, direct: Outcome, on_source: Outcome) -> dict[str, float | int]:
    white = direct.score()
    return {
        **transferred.score(),
        "direct_accuracy": white["accuracy"],
        "direct_loss": white["loss"],
        "source_accuracy": on_source.score()["accuracy"],
    }
