"""AugMix (Hendrycks et al. 2020): training images mixed with what chains of augmentations make of them."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from torch.distributions import Beta, Dirichlet

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer
from frequency_reg.regularizer.image_operations import MOST, OPERATIONS


class AugMix(Regularizer):
    """Mixes each training image x with what ``mixture_width`` chains of augmentations make of it, drawn anew::

        x <- (1 - m) x + m sum_i w_i chain_i(x)        w ~ Dirichlet(alpha, ..),   m ~ Beta(alpha, alpha)
        chain_i = 1 to mixture_depth of the nine operations, each at a level drawn from U(.1, severity)

    The operations (:mod:`frequency_reg.regularizer.image_operations`) leave out those that CIFAR-10-C tests, so that
    robustness to corruptions is measured on changes that were not trained on.

    Source: Hendrycks, Mu, Cubuk, Zoph, Gilmer, Lakshminarayanan 2020, "AugMix: A Simple Data Processing Method to
    Improve Robustness and Uncertainty", algorithm 1; severity 3, width 3, depth 1 to 3, alpha 1. Deviations: the
    mixing alone, without the Jensen-Shannon consistency of the clean image and two mixtures, which needs three forward
    passes a step (a row of the source's ablation, "AugMix without JSD"); angles, shears and shifts are not rounded;
    images are not rounded to bytes between the operations. It sees images after crop and flip, as the source does.

    The whole batch is computed at once: each operation on all images whose chains have drawn it. All that is random is
    drawn on the CPU.

    Args:
        augmix: the severity, highest level of an operation, 0 to 10; 0 equals ``regularizer=none`` bit for bit.
        mixture_width: number of chains.
        mixture_depth: most operations of a chain.
        mixture_alpha: of both distributions; below 1 they prefer one chain alone, and either the image or the chains.
    """

    classes_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        augmix: Annotated[float, Ge(0), Le(MOST)],
        mixture_width: Annotated[int, Ge(1), Le(10)],
        mixture_depth: Annotated[int, Ge(1), Le(10)],
        mixture_alpha: Annotated[float, Gt(0)],
    ) -> None:
        self.severity = augmix
        self.width = mixture_width
        self.depth = mixture_depth
        self.alpha = mixture_alpha

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The mixed images and the labels as they are."""
        if self.severity == 0:
            return images, labels
        n, device = len(images), images.device
        weights = Dirichlet(torch.full((n, self.width), self.alpha)).sample().to(device)
        share = Beta(torch.full((n,), self.alpha), torch.full((n,), self.alpha)).sample().to(device)
        chains = self._chains(images.repeat(self.width, 1, 1, 1)).unflatten(0, (self.width, n))
        mixture = torch.einsum("nw,wnchv->nchv", weights, chains)
        return torch.lerp(images, mixture, share.view(-1, 1, 1, 1)).clamp_(0, 1), labels

    def _chains(self, images: Tensor) -> Tensor:
        """One chain of its own for each of the images (M, C, H, W)."""
        m = len(images)
        depth = torch.randint(1, self.depth + 1, (m,))
        for step in range(self.depth):
            chosen = torch.randint(len(OPERATIONS), (m,)).masked_fill(step >= depth, -1)
            lowest = min(0.1, self.severity)
            level = lowest + (self.severity - lowest) * torch.rand(m)
            level = torch.where(torch.rand(m) < 0.5, level, -level)
            for number, operation in enumerate(OPERATIONS):
                places = (chosen == number).nonzero().flatten()
                if len(places):
                    here = places.to(images.device)
                    images[here] = operation(images[here], level[places].to(images.device))
        return images
