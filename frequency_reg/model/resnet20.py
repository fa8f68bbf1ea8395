"""ResNet-20 for CIFAR (He et al. 2016, section 4.2): 3 stages of 3 blocks, widths 16, 32, 64."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge

from frequency_reg.model.base import ImageShape
from frequency_reg.model.resnet import BasicBlock, Norm, ResNet, Shortcut


class ResNet20(ResNet):
    """269,722 parameters on CIFAR-10 with the defaults of ``conf/model/resnet20.yaml``.

    Source: He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", section 4.2.
    Deviation: torch's default initialisation of the convolutions instead of He's.

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
            blocks=(3, 3, 3),
            width=width,
            kernel_size=kernel_size,
            shortcut=shortcut,
            norm=norm,
            image_shape=image_shape,
            num_classes=num_classes,
            mean=mean,
            std=std,
        )
