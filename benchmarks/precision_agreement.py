"""Do fp32 and bf16 train to the same accuracy? ResNet-20 on part of CIFAR-10, the same seeds in both, paired.

FREQUENCY_REG_DATA=... python benchmarks/precision_agreement.py [--seeds 3] [--images 10000] [--epochs 3]
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from scipy import stats
from training_throughput import load

from frequency_reg.dataset.base import Split
from frequency_reg.evaluate import score
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.none import NoRegularizer
from frequency_reg.train import Augmentation, train


def validation_accuracy(data, images: int, epochs: int, seed: int, precision: torch.dtype) -> float:
    """Accuracy in % on the validation split after training."""
    torch.manual_seed(seed)
    model = ResNet20(
        width=16,
        kernel_size=3,
        shortcut="pad",
        image_shape=(3, 32, 32),
        num_classes=10,
        mean=data.mean,
        std=data.std,
    ).to(memory_format=torch.channels_last)
    for _ in train(
        model,
        Split(data.train.images[:images], data.train.labels[:images]),
        regularizer=Composition({"none": NoRegularizer()}),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        schedule="cosine",
        epochs=epochs,
        batch_size=128,
        augmentation=Augmentation(crop_padding=4, horizontal_flip=True),
        seed=seed,
        precision=precision,
    ):
        pass
    return 100 * score(model, data.validation, batch_size=1000, precision=precision).accuracy


def main() -> None:
    """Print accuracies by seed, the paired difference with its 95% t interval, and the spread between seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    data = load()
    accuracies = np.array(
        [
            [
                validation_accuracy(data, options.images, options.epochs, seed, p)
                for p in (torch.float32, torch.bfloat16)
            ]
            for seed in range(options.seeds)
        ]
    )
    print(f"ResNet-20, {options.images} CIFAR-10 images, epochs: {options.epochs}; validation accuracy in %")
    for seed, (fp32, bf16) in enumerate(accuracies):
        print(f"  seed {seed}: fp32 {fp32:.2f}  bf16 {bf16:.2f}  difference {bf16 - fp32:+.2f}")
    differences = accuracies[:, 1] - accuracies[:, 0]
    half = stats.t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    print(
        f"bf16 - fp32: {differences.mean():+.2f} +- {half:.2f} (95% t interval, n = {len(differences)} pairs); "
        f"sd between seeds: fp32 {accuracies[:, 0].std(ddof=1):.2f}, bf16 {accuracies[:, 1].std(ddof=1):.2f}"
    )


if __name__ == "__main__":
    main()
