"""The training loop: one plain generator over epochs, on tensors that stay on the device."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frequency_reg.dataset.base import Split, as_values
from frequency_reg.model.base import Model
from frequency_reg.objective import hits, mean_loss
from frequency_reg.regularizer.base import Composition
from frequency_reg.streams import stream_seed

Schedule = Literal["cosine", "constant"]


class DivergedError(Exception):
    """The training loss, a parameter or the validation loss is no longer finite."""


@dataclass(frozen=True)
class EpochResult:
    """What one epoch of training gave: means over its examples, in nats (or squared units) and fractions, and seconds.

    The accuracy is None where the labels are values to fit.
    """

    epoch: int
    loss: float
    accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Augmentation:
    """Random crop from a zero-padded image and random horizontal flip, drawn for each image.

    Equal to torchvision's RandomCrop(padding) and RandomHorizontalFlip before normalisation.
    """

    crop_padding: int = 0
    horizontal_flip: bool = False

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) -> the same shape; any dtype."""
        n, _, height, width = images.shape
        if self.crop_padding:
            p = self.crop_padding
            windows = F.pad(images, (p, p, p, p)).unfold(2, height, 1).unfold(3, width, 1)
            top, left = torch.randint(0, 2 * p + 1, (2, n), generator=generator).to(images.device)
            images = windows[torch.arange(n, device=images.device), :, top, left]
        if self.horizontal_flip:
            flip = torch.rand(n, generator=generator).lt(0.5).to(images.device)
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return images


def learning_rate_factor(schedule: Schedule, epoch: int, epochs: int) -> float:
    """Factor of the learning rate in epoch 1..epochs: cosine from 1 towards 0, constant over an epoch, or always 1."""
    return 1.0 if schedule == "constant" else 0.5 * (1 + math.cos(math.pi * (epoch - 1) / epochs))


def train(
    model: Model,
    split: Split,
    *,
    regularizer: Composition,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    epochs: int,
    batch_size: int,
    steps_per_epoch: int | None = None,
    augmentation: Augmentation,
    seed: int,
    precision: torch.dtype = torch.float32,
    done_epochs: int = 0,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Iterator[EpochResult]:
    """Train ``model`` on ``split`` and yield after each epoch, the model in training mode.

    Args:
        split: images and labels, on the model's device.
        optimizer: over the groups of ``regularizer.parameter_groups(model)``; its rates are the schedule's base.
        steps_per_epoch: updates of an epoch; None is one pass through the split. Where all examples fit into one batch,
            each update sees all of them, in their order.
        precision: of the forward pass under autocast; parameters and gradients stay float32.
        done_epochs: epochs that an earlier, interrupted call has finished.
        on_batch: told the number of images after every batch.

    Raises:
        DivergedError: the training loss became NaN or infinite, or a parameter after an epoch.
    """
    device = split.images.device
    mixed_precision: nullcontext[None] | torch.autocast
    mixed_precision = nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)
    base_rates = [group.get("initial_lr", group["lr"]) for group in optimizer.param_groups]
    for epoch in range(done_epochs + 1, epochs + 1):
        started = time.perf_counter()
        factor = learning_rate_factor(schedule, epoch, epochs)
        for group, rate in zip(optimizer.param_groups, base_rates, strict=True):
            group["initial_lr"], group["lr"] = rate, rate * factor
        torch.manual_seed(stream_seed(seed, "dropout", epoch))
        order_generator = _generator(seed, "order", epoch)
        augmentation_generator = _generator(seed, "augmentation", epoch)
        model.train()
        steps: list[tuple[Tensor, Tensor, int]] = []  # loss, hits and examples of each, on the device: nothing waits
        for index in _batches(len(split), batch_size, steps_per_epoch, order_generator, device):
            images = as_values(augmentation(split.images[index], augmentation_generator))
            images, labels = regularizer.augment(model, images, split.labels[index])
            with mixed_precision:
                outputs = model(images.contiguous(memory_format=torch.channels_last))
            soft = labels.is_floating_point() and not split.is_regression
            loss = mean_loss(outputs.float(), labels, soft=soft)
            penalty = regularizer.penalty(model)
            optimizer.zero_grad(set_to_none=True)
            (loss if penalty is None else loss + penalty).backward()
            optimizer.step()
            regularizer.after_step(model, base_rates[0] * factor)
            steps.append((loss.detach(), hits(outputs, labels, soft=soft), len(labels)))
            on_batch(len(labels))
        mean, share = _means(steps)
        _require_finite(model, mean, epoch)
        accuracy = None if split.is_regression else share
        yield EpochResult(epoch, mean, accuracy, base_rates[0] * factor, time.perf_counter() - started)


def examples_per_epoch(n: int, batch_size: int, steps_per_epoch: int | None) -> int:
    """Examples that the updates of one epoch see together, of a split of n."""
    if steps_per_epoch is None:
        return n
    if n <= batch_size:
        return steps_per_epoch * n
    passes, rest = divmod(steps_per_epoch, math.ceil(n / batch_size))
    return passes * n + rest * batch_size


def _batches(
    n: int, batch_size: int, steps: int | None, generator: torch.Generator, device: torch.device
) -> Iterator[Tensor | slice]:
    """What each update of an epoch sees: passes through n examples, each in an order of its own, cut into batches."""
    if steps is not None and n <= batch_size:
        yield from itertools.repeat(slice(None), steps)
        return
    left = math.ceil(n / batch_size) if steps is None else steps
    while left:
        batches = torch.randperm(n, generator=generator).to(device).split(batch_size)[:left]
        yield from batches
        left -= len(batches)


def _means(steps: Sequence[tuple[Tensor, Tensor, int]]) -> tuple[float, float]:
    """Mean loss of an epoch's examples and their share of hits, from each step's mean loss, hits and examples."""
    losses, correct, examples = zip(*steps, strict=True)
    sums = torch.stack(losses) * torch.tensor(examples, device=losses[0].device)
    loss_sum = 0.0
    for each in sums.tolist():  # one after the other in float64: ``sum`` compensates from Python 3.12 on
        loss_sum += each
    return loss_sum / sum(examples), float(torch.stack(correct).sum()) / sum(examples)


def _generator(seed: int, *names: str | int) -> torch.Generator:
    return torch.Generator().manual_seed(stream_seed(seed, *names))


def _require_finite(model: nn.Module, loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DivergedError(f"the training loss became {loss} in epoch {epoch}")
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            raise DivergedError(f"parameter {name} is no longer finite after epoch {epoch}")
