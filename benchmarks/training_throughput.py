"""Images per second of our training loop against the textbook loop, ResNet-20 on CIFAR-10, side by side as a ratio.

The textbook loop: a Dataset of PIL images, RandomCrop(32, 4) + RandomHorizontalFlip + ToTensor + Normalize, a shuffling
DataLoader with 2 workers, fp32, batch 128, SGD with momentum. Ours: ``frequency_reg.train.train`` in fp32 and bf16.
Same network, same images, same machine; the three take turns, so that a machine whose speed drifts cancels out.

    FREQUENCY_REG_DATA=... python benchmarks/training_throughput.py [--rounds 5] [--images 6400]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.dataset.cifar10 import Cifar10
from frequency_reg.model.resnet20 import ResNet20
from frequency_reg.provenance import processor
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.none import NoRegularizer
from frequency_reg.train import Augmentation, train


class PilImages(Dataset):
    """The images as torchvision's CIFAR10 keeps them: one array, a PIL image per access, transforms in the worker."""

    def __init__(self, split: Split, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.images = split.images.permute(0, 2, 3, 1).numpy()
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(mean, std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def load() -> ImageData:
    """CIFAR-10 from the folder in FREQUENCY_REG_DATA."""
    root = os.environ.get("FREQUENCY_REG_DATA", "data")
    return Cifar10(
        root=root, download=False, validation_size=5000, split_seed=0, crop_padding=4, horizontal_flip=True
    ).load()


def network(mean: tuple[float, ...], std: tuple[float, ...]) -> ResNet20:
    """The same initial ResNet-20 every time."""
    torch.manual_seed(0)
    shape = (3, 32, 32)
    return ResNet20(width=16, kernel_size=3, shortcut="pad", image_shape=shape, num_classes=10, mean=mean, std=std)


def textbook(data: ImageData, images: int) -> float:
    """Seconds for one epoch over the first ``images`` images, DataLoader start-up left out."""
    split = Split(data.train.images[:images], data.train.labels[:images])
    model = network((0.0,) * 3, (1.0,) * 3).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(
        PilImages(split, data.mean, data.std), batch_size=128, shuffle=True, num_workers=2, persistent_workers=True
    )
    next(iter(loader))
    started = time.perf_counter()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
    return time.perf_counter() - started


def ours(data: ImageData, images: int, precision: torch.dtype) -> float:
    """Seconds for one epoch over the same images."""
    split = Split(data.train.images[:images], data.train.labels[:images])
    regularizer = Composition({"none": NoRegularizer()})
    model = network(data.mean, data.std).to(memory_format=torch.channels_last)
    epochs = train(
        model,
        split,
        regularizer=regularizer,
        optimizer=torch.optim.SGD(regularizer.parameter_groups(model), lr=0.1, momentum=0.9),
        schedule="cosine",
        epochs=1,
        batch_size=128,
        augmentation=Augmentation(crop_padding=4, horizontal_flip=True),
        seed=0,
        precision=precision,
    )
    return next(epochs).seconds


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=6400)
    options = parser.parse_args()
    data = load()
    contestants = {
        "textbook DataLoader, fp32": lambda n: textbook(data, n),
        "frequency-reg, fp32": lambda n: ours(data, n, torch.float32),
        "frequency-reg, bf16": lambda n: ours(data, n, torch.bfloat16),
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for contestant in contestants.values():
        contestant(640)
    for _ in range(options.rounds):
        for name, contestant in contestants.items():
            rates[name].append(options.images / contestant(options.images))
    print(f"ResNet-20, CIFAR-10, batch 128, {options.images} images a round, {options.rounds} rounds in turn;")
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(f"{'':28}{'images/s: median (min - max)':>32}{'ratio, pair by pair':>22}")
    base = rates["textbook DataLoader, fp32"]
    for name, values in rates.items():
        ratio = statistics.median(v / b for v, b in zip(values, base, strict=True))
        spread = f"{statistics.median(values):,.0f} ({min(values):,.0f} - {max(values):,.0f})"
        print(f"{name:28}{spread:>32}{ratio:>22.2f}")


if __name__ == "__main__":
    main()
