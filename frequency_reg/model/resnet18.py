"""ResNet-18 with the CIFAR stem (3 x 3, stride 1, no pooling): 4 stages of 2 blocks, widths 64 .. 512."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge

from frequency_reg.model.base import ImageShape
from frequency_reg.model.resnet import BasicBlock, Norm, ResNet, Shortcut


class ResNet18(ResNet):
    """11,173,962 parameters on CIFAR-10 with the defaults of ``conf/model/resnet18.yaml``.

    Source: He, Zhang, Ren, Sun 2016, table 1; the stem for 32 px images as in arXiv 2512.22192.

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
            block=BasicBlock,
            blocks=(2, 2, 2, 2),
            width=width,
            kernel_size=kernel_size,
            shortcut=shortcut,
            norm=norm,
            image_shape=image_shape,
            num_classes=num_classes,
            mean=mean,
            std=std,
        )
