"""Models whose answers can be worked out by hand, and the question that a diagnostic is asked on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.base import Diagnostic, Question
from frequency_reg.model.base import Model


class Linear(Model):
    """logits = weight . x + bias on pixels that it does not normalise; weight (classes, C, H, W)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        channels, height, width = weight.shape[1:]
        super().__init__(
            image_shape=(channels, height, width),
            num_classes=len(weight),
            mean=(0.0,) * channels,
            std=(1.0,) * channels,
        )
        self.weight = torch.nn.Parameter(weight)
        self.bias = torch.nn.Parameter(bias)

    def logits(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,kchw->nk", x, self.weight) + self.bias


def two_classes(weight: Tensor, bias: float) -> Linear:
    """Class 1 where weight . x + bias > 0, weight (C, H, W)."""
    return Linear(torch.stack([-weight / 2, weight / 2]), torch.tensor([-bias / 2, bias / 2]))


def ask(model: Model, split: Split, *, batch_size: int = 64, seed: int = 0) -> Question:
    return Question(model, split, "test", batch_size, torch.float32, seed)


def table(diagnostic: Diagnostic, question: Question, name: str) -> list[dict[str, Any]]:
    """Rows of one table, one mapping a row."""
    rows = []
    for found, columns in diagnostic.measure(question):
        if found == name:
            lists = {key: value for key, value in columns.items() if isinstance(value, list)}
            n = max((len(value) for value in lists.values()), default=1)
            rows += [{k: (v[i] if k in lists else v) for k, v in columns.items()} for i in range(n)]
    return rows


def random_split(n: int, shape: tuple[int, int, int], classes: int, *, seed: int = 0) -> Split:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=generator)
    return Split(images, torch.randint(0, classes, (n,), generator=generator))
