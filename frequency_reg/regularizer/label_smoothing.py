"""Label smoothing (Szegedy et al. 2016): a little of the label's probability goes to all classes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Lt
from torch import Tensor
from torch.nn import functional as F

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer


class LabelSmoothing(Regularizer):
    """Trains on the cross-entropy under soft labels q instead of the label y::

        q_c = (1 - eps) [c = y] + eps / K                for each of the K classes

    Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, "Rethinking the Inception Architecture for Computer Vision",
    section 7, with the uniform distribution over classes; their eps is .1. Labels that another regularizer has made
    soft already are smoothed in the same way, ``q <- (1 - eps) q + eps / K``.

    The training loss that a run records is the smoothed one, which is never below the entropy of q: compare runs by the
    losses of the validation and test splits, which are those of the true labels.

    Args:
        label_smoothing: eps in [0, 1); 0 equals ``regularizer=none`` bit for bit.
    """

    classes_only: ClassVar[bool] = True

    def __init__(self, *, label_smoothing: Annotated[float, Ge(0), Lt(1)]) -> None:
        self.epsilon = label_smoothing

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The images as they are, and soft labels float32 (N, K)."""
        if self.epsilon == 0:
            return images, labels
        classes = model.num_classes
        certain = labels if labels.is_floating_point() else F.one_hot(labels, classes).float()
        return images, (1 - self.epsilon) * certain + self.epsilon / classes
