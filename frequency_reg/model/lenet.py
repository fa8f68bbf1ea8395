"""LeNet-5 (LeCun et al. 1998) in its modern form: ReLU and max pooling, two 5 x 5 convolutions, no batch norm."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor, nn

from frequency_reg.model.base import ImageShape, Model


class LeNet(Model):
    """conv(6) - pool - conv(16) - pool - 120 - 84 - classes.

    Source: LeCun, Bottou, Bengio, Haffner 1998, figure 2. Deviations: ReLU for scaled tanh, max pooling for trainable
    subsampling, full connection between S2 and C3, softmax read-out.

    Args:
        kernel_size: k of both convolutions; odd.
        padding: zero padding of both; 0 is the original on 32 x 32 images, (k - 1) / 2 keeps the size.
        width: factor on all layer widths.

    Raises:
        ValueError: the images are too small for two unpadded convolutions and poolings, or the kernel size is even.
    """

    def __init__(
        self,
        *,
        kernel_size: Annotated[int, Ge(1)],
        padding: Annotated[int, Ge(0)],
        width: Annotated[float, Gt(0)],
        image_shape: ImageShape,
        num_classes: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__(image_shape=image_shape, num_classes=num_classes, mean=mean, std=std)
        if kernel_size % 2 == 0:
            raise ValueError(f"model.kernel_size={kernel_size}: must be odd")
        channels, height, side = image_shape
        sizes = [_pooled(_pooled(n, kernel_size, padding), kernel_size, padding) for n in (height, side)]
        if min(sizes) < 1:
            same = (kernel_size - 1) // 2
            mend = f"model.padding={same} keeps their size" if padding < same else "it needs 4 x 4 pixels at least"
            raise ValueError(
                f"model.padding={padding}: {height} x {side} images are too small for LeNet's two {kernel_size} x "
                f"{kernel_size} convolutions and poolings; {mend}"
            )
        first, second, third, fourth = (max(1, round(width * n)) for n in (6, 16, 120, 84))
        self.conv1 = nn.Conv2d(channels, first, kernel_size, padding=padding)
        self.conv2 = nn.Conv2d(first, second, kernel_size, padding=padding)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.between = nn.Identity()
        self.fc1 = nn.Linear(second * sizes[0] * sizes[1], third)
        self.between_fc = nn.Identity()
        self.fc2 = nn.Linear(third, fourth)
        self.fc3 = nn.Linear(fourth, num_classes)
        self.dropout_sites = ("between", "between_fc")
        self.block_convolutions = ("conv1", "conv2")

    def logits(self, x: Tensor) -> Tensor:
        """See :meth:`Model.logits`."""
        x = self.between(self.pool(self.relu(self.conv1(x))))
        x = self.pool(self.relu(self.conv2(x)))
        x = self.between_fc(self.relu(self.fc1(x.flatten(1))))
        return self.fc3(self.relu(self.fc2(x)))  # type: ignore[no-any-return]


def _pooled(size: int, kernel_size: int, padding: int) -> int:
    return (size + 2 * padding - kernel_size + 1) // 2
