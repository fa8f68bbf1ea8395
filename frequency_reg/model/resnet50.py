"""ResNet-50 with the CIFAR stem: 4 stages of 3, 4, 6 and 3 bottleneck blocks, widths 64 .. 512, outputs 256 .. 2048."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge

from frequency_reg.model.base import ImageShape
from frequency_reg.model.resnet import Bottleneck, Norm, ResNet, Shortcut


class ResNet50(ResNet):
    """23,520,842 parameters on CIFAR-10 with the defaults of ``conf/model/resnet50.yaml``.

    Source: He, Zhang, Ren, Sun 2016, table 1. Deviations: the stem of :mod:`frequency_reg.model.resnet18`; a block's
    stride is in its k x k convolution, where every pixel is read, not in the 1 x 1 before it; torch's default
    initialisation.

    Args: see :class:`frequency_reg.model.resnet.ResNet`.
    """

    def __init__(
        self,
        *,
        width: Annotated[int, Ge(1)],
        kernel_size: Literal[3, 5, 7],
        shortcut: Shortcut,
        norm: Norm = "batch",
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(
            block=Bottleneck,
            blocks=(3, 4, 6, 3),
            width=width,
            kernel_size=kernel_size,
            shortcut=shortcut,
            norm=norm,
            image_shape=image_shape,
            num_classes=num_classes,
            mean=mean,
            std=std,
        )
