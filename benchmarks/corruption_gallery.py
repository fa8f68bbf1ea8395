"""One CIFAR-10 test image under the 19 corruptions of CIFAR-10-C at 5 severities, as a picture.

FREQUENCY_REG_DATA=... python benchmarks/corruption_gallery.py OUT.png [--image 0] [--seed 0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from corruption_throughput import corruptions
from matplotlib.axes import Axes
from torch import Tensor
from training_throughput import load

SEVERITIES = 5


def corrupted(image: Tensor, seed: int) -> dict[str, list[Tensor]]:
    """Corruption -> the image (3, H, W) in [0, 1] at severities 0 to 5; every cell draws from the same seed."""
    return {
        name: [
            corruption(image[None], severity, torch.Generator().manual_seed(seed))[0]
            for severity in range(SEVERITIES + 1)
        ]
        for name, corruption in corruptions().items()
    }


def draw(rows: dict[str, list[Tensor]], file: Path) -> None:
    """A row a corruption, a column a severity, nearest neighbours."""
    figure, axes = plt.subplots(len(rows), SEVERITIES + 1, figsize=(9.5, 1.25 * len(rows)), squeeze=False)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            show(axis, image)
        line[0].set_ylabel(name.removesuffix("_c").replace("_", " "), rotation=0, ha="right", va="center")
    for severity, axis in enumerate(axes[0]):
        axis.set_title(f"severity {severity}" if severity else "clean", fontsize=10)
    figure.subplots_adjust(left=0.18, right=0.995, top=0.98, bottom=0.005, wspace=0.04, hspace=0.04)
    figure.savefig(file, dpi=100)
    plt.close(figure)


def show(axis: Axes, image: Tensor) -> None:
    """An image without ticks."""
    axis.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="OUT.png")
    parser.add_argument("--image", type=int, default=0, help="index in the test set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    image = load().test.images[options.image].float() / 255
    draw(corrupted(image, options.seed), options.file)


if __name__ == "__main__":
    main()
