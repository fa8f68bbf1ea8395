"""Residual networks for small images (He et al. 2016): the part that every depth shares."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.model.base import ImageShape, Model

Norm = Literal["batch", "group"]
Shortcut = Literal["pad", "projection"]

GROUP_CHANNELS = 8
"""Least channels that a group norm takes together, where the layer has as many."""


def normalization(norm: Norm, channels: int) -> nn.Module:
    """The norm after a convolution with that many ``channels``, with a gain and a bias per channel.

    ``group`` takes together the smallest number of channels that divides ``channels`` and is at least
    :data:`GROUP_CHANNELS`; all of them if there is none. Its statistics are those of one image: nothing is kept for
    evaluation, and images of a batch do not see each other in training either.

    Source: Ioffe and Szegedy 2015 (batch); Wu and He 2018, "Group Normalization" (group). Deviation: groups of a fixed
    size instead of 32 groups, which ResNet-20's 16 channels do not have.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    size = next((size for size in range(GROUP_CHANNELS, channels) if channels % size == 0), channels)
    return nn.GroupNorm(channels // size, channels)


class BasicBlock(nn.Module):
    """``relu(branch(bn2(conv2(between(relu(bn1(conv1(x))))))) + shortcut(x))``, both convolutions k x k.

    ``between`` and ``branch`` are identities where a regularizer may put dropout, or drop the whole branch. The norms
    are called ``bn`` whichever they are, as checkpoints know them.
    """

    expansion: ClassVar[int] = 1
    spatial: ClassVar[tuple[str, ...]] = ("conv1", "conv2")

    def __init__(self, inputs: int, width: int, stride: int, kernel_size: int, shortcut: Shortcut, norm: Norm) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv1 = nn.Conv2d(inputs, width, kernel_size, stride=stride, padding=padding, bias=False)
        self.bn1 = normalization(norm, width)
        self.between = nn.Identity()
        self.conv2 = nn.Conv2d(width, width, kernel_size, padding=padding, bias=False)
        self.bn2 = normalization(norm, width)
        self.branch = nn.Identity()
        self.shortcut = _shortcut(inputs, width, stride, shortcut, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, width, ceil(H / stride), ceil(W / stride))."""
        y = self.between(F.relu(self.bn1(self.conv1(x))))
        y = self.bn2(self.conv2(y))
        return F.relu(self.branch(y) + self.shortcut(x))


class Bottleneck(nn.Module):
    """``relu(branch(bn3(conv3(relu(bn2(conv2(between(relu(bn1(conv1(x)))))))))) + shortcut(x))``, only ``conv2`` k x k.

    ``conv1`` (1 x 1) brings the input to ``width`` channels, ``conv3`` (1 x 1) to 4 times as many. ``between`` stands
    before the spatial convolution, as it does in :class:`BasicBlock`.
    """

    expansion: ClassVar[int] = 4
    spatial: ClassVar[tuple[str, ...]] = ("conv2",)

    def __init__(self, inputs: int, width: int, stride: int, kernel_size: int, shortcut: Shortcut, norm: Norm) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = normalization(norm, width)
        self.between = nn.Identity()
        self.conv2 = nn.Conv2d(width, width, kernel_size, stride=stride, padding=kernel_size // 2, bias=False)
        self.bn2 = normalization(norm, width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = normalization(norm, outputs)
        self.branch = nn.Identity()
        self.shortcut = _shortcut(inputs, outputs, stride, shortcut, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, 4 width, ceil(H / stride), ceil(W / stride))."""
        y = self.between(F.relu(self.bn1(self.conv1(x))))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(self.branch(y) + self.shortcut(x))


def _shortcut(inputs: int, outputs: int, stride: int, shortcut: Shortcut, norm: Norm) -> nn.Module:
    """The identity, or where the shape changes a 1 x 1 ``projection`` with a norm, or zero-``pad``ded subsampling."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if shortcut == "pad":
        return _Subsample(stride, outputs - inputs)
    projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
    return nn.Sequential(projection, normalization(norm, outputs))


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
    """Stem convolution, stages of blocks that halve the image and double the width, mean pooling, read-out.

    Args:
        block: what the stages are made of.
        blocks: blocks in each stage.
        width: channels of the stem and of the first stage's k x k convolutions.
        kernel_size: k of the stem and of the blocks' spatial convolutions; odd.
        shortcut: what carries the input where the shape changes.
        norm: after every convolution, ``batch`` or ``group`` norm (groups of 8 channels, see :func:`normalization`).
            Either undoes a convolution's scale, so that weight decay acts on the effective learning rate; batch norm
            undoes it for each filter, group norm only for the filters of a group together. Its gain depends on the
            image and cannot be folded into the weight: SSR ``absolute_folded`` has no value with ``group``.

    Raises:
        ValueError: ``kernel_size`` is even.
    """

    def __init__(
        self,
        *,
        block: type[BasicBlock | Bottleneck],
        blocks: tuple[int, ...],
        width: int,
        kernel_size: int,
        shortcut: Shortcut,
        norm: Norm,
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        if kernel_size % 2 == 0:
            raise ValueError(f"model.kernel_size={kernel_size}: must be odd; choose 3, 5 or 7")
        self.conv1 = nn.Conv2d(image_shape[0], width, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn1 = normalization(norm, width)
        self.stages = nn.ModuleList()
        inputs = width
        for stage, count in enumerate(blocks):
            stage_width = width * 2**stage
            strides = [1 if stage == 0 else 2] + [1] * (count - 1)
            layers = []
            for stride in strides:
                layers.append(block(inputs, stage_width, stride, kernel_size, shortcut, norm))
                inputs = block.expansion * stage_width
            self.stages.append(nn.Sequential(*layers))
        self.readout = nn.Linear(inputs, num_classes)
        names = [f"stages.{stage}.{place}" for stage, count in enumerate(blocks) for place in range(count)]
        self.dropout_sites = tuple(f"{name}.between" for name in names)
        self.residual_branches = tuple(f"{name}.branch" for name in names)
        self.block_convolutions = tuple(f"{name}.{convolution}" for name in names for convolution in block.spatial)

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = stage(x)
        return self.readout(x.mean(dim=(2, 3)))  # type: ignore[no-any-return]
