"""The loop against a naive one, its schedule, its augmentation and how it ends when the loss does."""

import math

import pytest
import torch
from torch.nn import functional as F

from frequency_reg.dataset.base import Split
from frequency_reg.model.mlp import MLP
from frequency_reg.regularizer.base import Composition
from frequency_reg.regularizer.none import NoRegularizer
from frequency_reg.regularizer.weight_decay import WeightDecay
from frequency_reg.streams import stream_seed
from frequency_reg.train import Augmentation, DivergedError, examples_per_epoch, learning_rate_factor, train

GREY = {"image_shape": (1, 4, 4), "num_classes": 3, "mean": (0.5,), "std": (0.25,)}
NONE = Composition({"none": NoRegularizer()})


def data(n=20) -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(n) % 3)


def mlp() -> MLP:
    torch.manual_seed(0)
    return MLP(hidden=[8], activation="relu", **GREY)


def run(model, *, lr=0.1, regularizer=NONE, **changes):
    optimizer = changes.pop("optimizer", None) or torch.optim.SGD(
        regularizer.parameter_groups(model), lr=lr, momentum=0.9
    )
    settings = {
        "schedule": "cosine",
        "epochs": 3,
        "batch_size": 8,
        "augmentation": Augmentation(),
        "seed": 5,
        "optimizer": optimizer,
        "regularizer": regularizer,
    }
    return list(train(model, changes.pop("split", data()), **{**settings, **changes}))


def test_equals_a_naive_loop():
    split, ours, naive = data(), mlp(), mlp()
    results = run(ours, split=split)
    velocity = [torch.zeros_like(p) for p in naive.parameters()]
    for epoch, rate in enumerate([0.1, 0.1 * 0.75, 0.1 * 0.25], start=1):  # (1 + cos(pi t / 3)) / 2, t = 0, 1, 2
        order = torch.randperm(20, generator=torch.Generator().manual_seed(stream_seed(5, "order", epoch)))
        total = correct = 0.0
        for start in (0, 8, 16):
            index = order[start : start + 8]
            logits = naive(split.images[index].float() / 255)
            loss = F.cross_entropy(logits, split.labels[index])
            gradients = torch.autograd.grad(loss, list(naive.parameters()))
            with torch.no_grad():
                for p, v, g in zip(naive.parameters(), velocity, gradients, strict=True):
                    v.mul_(0.9).add_(g)
                    p.sub_(rate * v)
            total += float(loss.detach()) * len(index)
            correct += float((logits.argmax(1) == split.labels[index]).sum())
        assert results[epoch - 1].loss == pytest.approx(total / 20, rel=1e-5)
        assert results[epoch - 1].accuracy == pytest.approx(correct / 20)
        assert results[epoch - 1].learning_rate == pytest.approx(rate)
    for a, b in zip(ours.parameters(), naive.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_schedule():
    factors = [learning_rate_factor("cosine", epoch, 4) for epoch in (1, 2, 3, 4)]
    assert factors == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])
    assert {learning_rate_factor("constant", epoch, 4) for epoch in (1, 4)} == {1.0}


def test_going_on_equals_not_stopping():
    whole = mlp()
    run(whole)
    parts = mlp()
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.1, momentum=0.9)
    settings = {"optimizer": optimizer, "epochs": 3, "schedule": "cosine", "batch_size": 8, "seed": 5}
    iterator = train(parts, data(), regularizer=NONE, augmentation=Augmentation(), **settings)
    next(iterator)
    run(parts, optimizer=optimizer, done_epochs=1)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def test_crop_takes_every_offset_and_pads_with_zeros():
    image = torch.arange(1, 17, dtype=torch.uint8).view(1, 1, 4, 4).repeat(2000, 1, 1, 1)
    crops = Augmentation(crop_padding=1)(image, torch.Generator().manual_seed(0))
    padded = F.pad(image[:1], (1, 1, 1, 1))[0, 0]
    windows = {tuple(padded[y : y + 4, x : x + 4].flatten().tolist()) for y in range(3) for x in range(3)}
    found = [tuple(crop.flatten().tolist()) for crop in crops]
    assert set(found) == windows
    assert max(found.count(w) for w in windows) < 2000 / 9 * 1.3


def test_flip_mirrors_half_of_the_images():
    image = torch.arange(4, dtype=torch.uint8).view(1, 1, 1, 4).repeat(1000, 1, 1, 1)
    flipped = Augmentation(horizontal_flip=True)(image, torch.Generator().manual_seed(0))[:, 0, 0].tolist()
    assert set(map(tuple, flipped)) == {(0, 1, 2, 3), (3, 2, 1, 0)}
    assert 430 < flipped.count([0, 1, 2, 3]) < 570


def test_no_augmentation_returns_the_images():
    images = data().images
    assert Augmentation()(images, torch.Generator()) is images


def test_a_loss_that_is_no_longer_finite_ends_training():
    with pytest.raises(DivergedError, match=r"the training loss became (nan|inf) in epoch \d"):
        run(mlp(), lr=1e12, epochs=20)


def test_a_parameter_that_is_no_longer_finite_ends_training():
    model = mlp()
    regularizer = Composition({"weight_decay": WeightDecay(weight_decay=0.5, decoupled=True)})
    regularizer.prepare(model)
    regularizer.after_step = lambda model, _: model.readout.bias.data.fill_(math.inf)
    with pytest.raises(DivergedError):
        run(model, regularizer=regularizer, batch_size=20)


def test_every_batch_is_reported():
    seen = []
    run(mlp(), epochs=1, on_batch=seen.append)
    assert seen == [8, 8, 4]


def function(n=12) -> Split:
    x = torch.linspace(0, 1, n)
    return Split(x.view(n, 1, 1, 1), torch.sin(6 * x).view(n, 1))


def test_values_to_fit_are_trained_on_the_mean_squared_error_of_all_points_at_once():
    facts = {"image_shape": (1, 1, 1), "num_classes": 1, "mean": (0.0,), "std": (1.0,)}
    torch.manual_seed(0)
    ours = MLP(hidden=[8], activation="relu", **facts)
    naive = MLP(hidden=[8], activation="relu", **facts)
    naive.load_state_dict(ours.state_dict())
    split = function()
    results = run(
        ours,
        split=split,
        schedule="constant",
        epochs=2,
        batch_size=12,
        steps_per_epoch=5,
        optimizer=torch.optim.SGD(ours.parameters(), lr=0.1),
    )
    optimizer = torch.optim.SGD(naive.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = (naive(split.images) - split.labels).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert [r.loss for r in results] == pytest.approx([sum(losses[:5]) / 5, sum(losses[5:]) / 5], rel=1e-6)
    assert [r.accuracy for r in results] == [None, None]
    for a, b in zip(ours.parameters(), naive.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


@pytest.mark.parametrize(
    ("batch_size", "steps", "sizes"),
    [(8, None, [8, 8, 4]), (8, 2, [8, 8]), (8, 5, [8, 8, 4, 8, 8]), (20, 3, [20, 20, 20]), (20, None, [20])],
)
def test_an_epoch_is_a_pass_or_so_many_updates(batch_size, steps, sizes):
    seen = []
    run(mlp(), epochs=1, batch_size=batch_size, steps_per_epoch=steps, on_batch=seen.append)
    assert seen == sizes
    assert examples_per_epoch(20, batch_size, steps) == sum(sizes)


def test_passes_within_an_epoch_have_orders_of_their_own():
    batches = []

    class Watch(MLP):
        def forward(self, images):
            batches.append(images)
            return super().forward(images)

    run(Watch(hidden=[2], activation="relu", **GREY), epochs=1, batch_size=10, steps_per_epoch=4)
    first, second = torch.cat(batches[:2]), torch.cat(batches[2:])
    assert not torch.equal(first, second)
    assert torch.equal(first.flatten(1).sum(1).sort().values, second.flatten(1).sum(1).sort().values)
