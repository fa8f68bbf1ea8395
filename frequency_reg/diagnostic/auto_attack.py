"""AutoAttack: four attacks without parameters, each on the images that the ones before could not break."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import torch
from annotated_types import Ge, Gt
from torch import Tensor

from frequency_reg.ball import Ball
from frequency_reg.dataset.base import Split, as_values
from frequency_reg.diagnostic.attack import ATTACKS, balls, check_balls, met, shown
from frequency_reg.diagnostic.base import Diagnostic, Question, Rows
from frequency_reg.model.base import ImageShape
from frequency_reg.streams import stream_seed

PACKAGE = "pyautoattack"
_FEWEST_CLASSES = 4
_TARGETS = 9
_STEPS = 100
_QUERIES = 5000
_NORMS = {"linf": "Linf", "l2": "L2"}


class AutoAttack(Diagnostic):
    """Accuracy on the worst of the clean image and what the standard AutoAttack finds.

    APGD on the cross-entropy, APGD on the targeted difference-of-logits ratio, targeted FAB, and Square with 5,000
    queries, one after the other, each on the images that are still classified correctly, with its authors' fixed
    settings: nothing is to be tuned, and Square needs no gradient. The code is its authors', from the package
    ``pyautoattack``, and asks for logits of pixels in [0, 1]. In the table ``attacks``, ``steps`` and ``restarts``
    are those of each gradient attack, 100 and 1. ``loss`` is that of the image with which an attack succeeded, or of
    the clean one: the attacks stop at the first success and do not seek the largest.

    The random numbers depend on the seed, on ``batch_size`` and on which images are still to be broken, so that two
    models do not meet equal perturbations, as elsewhere; equal models do. The attacks draw from torch's global state,
    which is put back.

    Source: Croce, Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks", arXiv 2003.01690, section 5, and the authors' version "standard". Deviation: fewer than 10 classes have
    fewer targets than 9.

    Cost: for each eps, for an image that none breaks, 1,900 forward and backward passes and 5,000 forward; an image
    that the first breaks costs 100.

    Args:
        linf: eps of the rows in the L-infinity norm, in 1/255 of the pixels' range.
        l2: eps of the rows in the L2 norm over a whole image with pixels in [0, 1].
        batch_size: images attacked together; the model sees no more at once than ``evaluation.batch_size``.
        images: the first so many of the split; None takes all.
    """

    schemas: ClassVar[dict[str, pa.Schema]] = {"attacks": ATTACKS}

    def __init__(
        self,
        *,
        linf: list[Annotated[float, Gt(0)]],
        l2: list[Annotated[float, Gt(0)]],
        batch_size: Annotated[int, Ge(1)],
        images: Annotated[int, Ge(1)] | None,
    ) -> None:
        self.linf = linf
        self.l2 = l2
        self.batch_size = batch_size
        self.images = images

    def check(self, image_shape: ImageShape, num_classes: int) -> None:
        """See :meth:`Diagnostic.check`."""
        check_balls("auto_attack", image_shape, linf=self.linf, l2=self.l2)
        if importlib.util.find_spec(PACKAGE) is None:
            raise ValueError(
                f"diagnostic=[auto_attack] needs the package {PACKAGE}; pip install 'frequency-reg[attacks]', "
                "or leave auto_attack out"
            )
        if num_classes < _FEWEST_CLASSES:
            raise ValueError(
                f"diagnostic=[auto_attack]: its targeted loss needs at least {_FEWEST_CLASSES} classes, the data set "
                f"has {num_classes}; use pgd"
            )
        if self.l2 and not _tiles_fit(*image_shape[1:]):
            raise ValueError(
                f"diagnostic.auto_attack.l2={self.l2}: its Square attack cannot begin on images of {image_shape[1]} x "
                f"{image_shape[2]} pixels (it can on 8, 28, 32, 64 or 224 squared); use l2=[], or pgd"
            )

    def rows(self, question: Question) -> Iterator[Rows]:
        """See :meth:`Diagnostic.rows`."""
        split = question.first(self.images)
        clean = met(question, split)
        chosen = balls(self.linf, self.l2)
        shared = {"split": question.split_name, "attack": "auto_attack"}
        for norm in dict.fromkeys(ball.norm for ball in chosen):
            yield "attacks", {**shared, "norm": norm, "eps": 0.0, "steps": 0, "restarts": 0, **clean.score()}
        for ball in chosen:
            worst = clean.worse(shown(question, split, self._found(question, split, ball)))
            strength = {"norm": ball.norm, "eps": ball.eps, "steps": _STEPS, "restarts": 1}
            yield "attacks", {**shared, **strength, **worst.score()}

    def _found(self, question: Question, split: Split, ball: Ball) -> Tensor:
        """For every image (N, C, H, W) of the split the one that an attack succeeded with, or itself."""
        pixels = as_values(split.images)
        devices = [pixels.device] if pixels.device.type == "cuda" else []
        tracer = sys.gettrace()  # a check of the package's sets its own, and none after it
        try:
            with torch.random.fork_rng(devices):
                attack = _standard(question, ball, pixels)
                found: Tensor
                found, _ = attack.run_standard_evaluation(pixels, split.labels, batch_size=self.batch_size)
        finally:
            sys.settrace(tracer)
        return found


def _tiles_fit(height: int, width: int) -> bool:
    """Whether the tiles from which the package's L2 Square attack starts lie within the images; else it raises."""
    side = height // 5
    first = (height - 5 * side) // 2
    return side == 1 or (side > 1 and all(first + n // side * side <= n for n in (height, width)))


def _standard(question: Question, ball: Ball, pixels: Tensor) -> Any:
    """The package's attack on the question's model."""

    def logits(images: Tensor) -> Tensor:
        return torch.cat([question.logits(part) for part in images.split(question.batch_size)])

    seed = stream_seed(question.seed, "diagnostic", "auto_attack")
    package = importlib.import_module(PACKAGE)
    attack = package.AutoAttack(logits, norm=_NORMS[ball.norm], eps=ball.eps, seed=seed, device=pixels.device)
    targets = min(_TARGETS, logits(pixels[:1]).shape[1] - 1)
    attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = targets
    attack.square.n_queries = _QUERIES
    return attack
