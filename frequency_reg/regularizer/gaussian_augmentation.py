"""Training on images with white Gaussian noise."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor

from frequency_reg.model.base import Model
from frequency_reg.regularizer.base import Regularizer

NoiseScale = Literal["fixed", "uniform"]


class GaussianAugmentation(Regularizer):
    """Adds independent normal noise to every value of every training image, anew in every batch, and clips to [0, 1].

    ::

        x <- clip(x + s * z, 0, 1),    z ~ N(0, 1) for each value,    s = sigma  or  s ~ U(0, sigma) for each image

    ``fixed`` is the augmentation of Yin et al. 2019 ("A Fourier Perspective on Model Robustness in Computer Vision",
    sigma .1); ``uniform`` draws a scale for each image as Ford et al. 2019 ("Adversarial Examples Are a Natural
    Consequence of Test Error in Noise") do, so that almost clean images stay in the training data.

    Points of a function are taken only where they lie in [0, 1], and clipped to it like pixels.

    Args:
        gaussian_augmentation: sigma, in units of the pixels' range [0, 1]; 0 equals ``regularizer=none`` bit for bit.
        noise_scale: ``fixed`` or ``uniform``.
    """

    pixels_only: ClassVar[bool] = True

    def __init__(self, *, gaussian_augmentation: Annotated[float, Ge(0), Le(1)], noise_scale: NoiseScale) -> None:
        self.sigma = gaussian_augmentation
        self.noise_scale = noise_scale

    def augment(self, model: Model, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The noisy images and the labels as they are."""
        if self.sigma == 0:
            return images, labels
        scale: float | Tensor = self.sigma
        if self.noise_scale == "uniform":
            scale = scale * torch.rand(len(images), 1, 1, 1, device=images.device)
        return (images + scale * torch.randn_like(images)).clamp_(0, 1), labels
