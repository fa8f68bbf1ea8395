"""Residual networks for small images (He et al. 2016): the part that every depth shares."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.model.base import ImageShape, Model

Shortcut = Literal["pad", "projection"]


class BasicBlock(nn.Module):
    """``relu(bn2(conv2(between(relu(bn1(conv1(x)))))) + shortcut(x))``.

    ``between`` is an identity where a regularizer may put dropout. ``shortcut`` is the identity, or where the shape
    changes a 1 x 1 ``projection`` with batch norm, or parameter-free subsampling with zero-``pad``ded channels.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, kernel_size: int, shortcut: Shortcut) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size, stride=stride, padding=padding, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.between = nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size, padding=padding, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            if shortcut == "projection":
                projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
                self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))
            else:
                self.shortcut = _Subsample(stride, outputs - inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride))."""
        y = self.between(F.relu(self.bn1(self.conv1(x))))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class _Subsample(nn.Module):
    """Option A of He et al. 2016: take every ``stride``-th pixel and append zero channels."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + new_channels, ceil(H / stride), ceil(W / stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


class ResNet(Model):
    """Stem convolution, stages of basic blocks that halve the image and double the width, mean pooling, read-out.

    Args:
        blocks: blocks in each stage.
        width: channels of the first stage.
        kernel_size: k of the stem and of the blocks' convolutions; odd.
        shortcut: what carries the input where the shape changes.

    Raises:
        ValueError: ``kernel_size`` is even.
    """

    def __init__(
        self,
        *,
        blocks: tuple[int, ...],
        width: int,
        kernel_size: int,
        shortcut: Shortcut,
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        if kernel_size % 2 == 0:
            raise ValueError(f"model.kernel_size={kernel_size}: must be odd; choose 3, 5 or 7")
        self.conv1 = nn.Conv2d(image_shape[0], width, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        widths = [width * 2**stage for stage in range(len(blocks))]
        self.stages = nn.ModuleList()
        inputs = width
        for stage, (count, outputs) in enumerate(zip(blocks, widths, strict=True)):
            strides = [1 if stage == 0 else 2] + [1] * (count - 1)
            layers = []
            for stride in strides:
                layers.append(BasicBlock(inputs, outputs, stride, kernel_size, shortcut))
                inputs = outputs
            self.stages.append(nn.Sequential(*layers))
        self.readout = nn.Linear(inputs, num_classes)
        names = [f"stages.{stage}.{block}" for stage, count in enumerate(blocks) for block in range(count)]
        self.dropout_sites = tuple(f"{name}.between" for name in names)
        self.block_convolutions = tuple(f"{name}.{conv}" for name in names for conv in ("conv1", "conv2"))

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = stage(x)
        return self.readout(x.mean(dim=(2, 3)))  # type: ignore[no-any-return]
