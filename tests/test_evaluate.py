"""Scores against a naive recomputation; severity 0 is the clean set; the batch size does not matter."""

import hashlib

import pytest
import torch
from torch.nn import functional as F

from frequency_reg.corrupted import generator_version, truncated
from frequency_reg.corruption.gaussian_noise import GaussianNoise
from frequency_reg.corruption.published import Published, StoredSet
from frequency_reg.corruption.resize import Resize
from frequency_reg.dataset.base import ImageData, Split
from frequency_reg.diagnostic.base import Diagnostic, Question
from frequency_reg.evaluate import Bench, assert_clean_at_zero, measured, published_robustness, robustness, score
from frequency_reg.model.mlp import MLP
from frequency_reg.provenance import generator_columns

NOISE = GaussianNoise(sigma=[0.1, 0.2], clip=True)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MLP(hidden=[16], activation="relu", image_shape=(1, 8, 8), num_classes=4, mean=(0.5,), std=(0.25,))


@pytest.fixture
def split():
    generator = torch.Generator().manual_seed(1)
    return Split(torch.randint(0, 256, (50, 1, 8, 8), dtype=torch.uint8, generator=generator), torch.arange(50) % 4)


def test_score_equals_a_naive_recomputation(model, split):
    logits = model.eval()(split.images.float() / 255)
    found = score(model.train(), split, batch_size=7)
    assert found.accuracy == pytest.approx(float((logits.argmax(1) == split.labels).double().mean()))
    assert found.loss == pytest.approx(float(F.cross_entropy(logits, split.labels).detach()), rel=1e-6)
    assert found.n == 50
    assert not model.training


def test_batch_size_does_not_change_the_noise(model, split):
    scores = {score(model, split, batch_size=b, corruption=NOISE, severity=2, seed=3).accuracy for b in (1, 7, 50)}
    assert len(scores) == 1


def test_noise_depends_on_seed_and_severity_not_on_the_run(model, split):
    losses = [
        score(model, split, batch_size=50, corruption=NOISE, severity=severity, seed=seed).loss
        for severity, seed in ((1, 0), (1, 1), (2, 0), (1, 0))
    ]
    assert losses[0] == losses[3]
    assert len(set(losses)) == 3


def test_rows_of_every_corruption_begin_with_the_clean_score(model, split):
    rows = list(
        robustness(
            Question(model, split, "test", 20, torch.float32, 0),
            {"noise": NOISE, "resize": Resize(size=[16], relative_to=32, antialias=False)},
        )
    )
    assert [(r["corruption"], r["severity"], r["parameter"]) for r in rows] == [
        ("noise", 0, None),
        ("noise", 1, 0.1),
        ("noise", 2, 0.2),
        ("resize", 0, None),
        ("resize", 1, 16.0),
    ]
    assert {r["parameter_unit"] for r in rows} == {"noise σ (pixels in [0, 1])", "resized to (px of 32)"}
    clean = score(model, split, batch_size=20)
    assert {r["accuracy"] for r in rows if r["severity"] == 0} == {clean.accuracy}
    assert rows[4]["loss"] != clean.loss


def test_a_corruption_that_is_not_clean_at_zero_is_caught(split):
    class Dirty(GaussianNoise):
        def __call__(self, images, severity, generator):  # noqa: ARG002
            return images + 0.01

    with pytest.raises(AssertionError, match="corruption dirty changes the images at severity 0"):
        assert_clean_at_zero("dirty", Dirty(sigma=[0.1], clip=True), split.images)


class FixedClass(torch.nn.Module):
    """Says class 1, whatever it is shown."""

    def forward(self, images):
        return torch.tensor([0.0, 1.0]).expand(len(images), 2)


class TwoSets(Published):
    """Fog at two severities: 3 of 4 and 1 of 4 images are of class 1, in parts of unequal size."""

    def locate(self):
        pass

    def sets(self, data):  # noqa: ARG002
        for severity, labels in ((1, [1, 1, 1, 0]), (2, [0, 0, 0, 1])):
            images, truth = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor(labels)
            parts = [Split(images[:1], truth[:1]), Split(images[1:], truth[1:])]
            yield StoredSet("fog", severity, 4, lambda parts=parts: iter(parts))


def test_published_images_are_scored_under_a_name_of_their_own():
    clean = Split(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([1, 0]))
    data = ImageData(clean, clean, clean, ("a", "b"), (0.5,), (0.5,), "digest")
    rows = list(published_robustness(FixedClass(), data, {"cifar10c": TwoSets(names=["fog"])}, batch_size=2,
                                     precision=torch.float32))  # fmt: skip
    assert [(r["corruption"], r["severity"], r["parameter"], r["accuracy"], r["n"]) for r in rows] == [
        ("cifar10c:fog", 0, None, 0.5, 2),
        ("cifar10c:fog", 1, 1.0, 0.75, 4),
        ("cifar10c:fog", 2, 2.0, 0.25, 4),
    ]


class Asked(Diagnostic):
    """Says which split it was asked on."""

    def rows(self, question):
        yield "asked", {"split": question.split_name}


def counted(model):
    """Batches that the model is shown from now on."""
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    return seen


def test_a_bench_is_asked_split_after_split_and_the_clean_test_split_once():
    model = FixedClass()
    test, validation = (
        Split(torch.zeros(n, 1, 8, 8, dtype=torch.uint8), torch.ones(n, dtype=torch.int64)) for n in (5, 3)
    )
    data = ImageData(validation, validation, test, ("a", "b"), (0.5,), (0.5,), "digest")
    noise = GaussianNoise(sigma=[0.1], clip=True)
    bench = Bench({"noise": noise}, {"c": TwoSets(names=["fog"])}, [Asked()], splits=("test", "validation"))
    seen = counted(model)
    clean = bench.clean_score(model, data)
    rows = [
        (table, r["split"], r.get("severity"), r.get("n")) for table, r in measured(model, data, bench, clean=clean)
    ]
    assert rows == [
        ("robustness", "test", 0, 5),
        ("robustness", "test", 1, 5),
        ("asked", "test", None, None),
        ("robustness", "validation", 0, 3),
        ("robustness", "validation", 1, 3),
        ("asked", "validation", None, None),
        ("robustness", "test", 0, 5),
        ("robustness", "test", 1, 4),
        ("robustness", "test", 2, 4),
    ]
    assert seen == [5, 5, 3, 3, 1, 3, 1, 3]


def test_without_corruptions_nothing_is_scored(split):
    model = FixedClass()
    seen = counted(model)
    data = ImageData(split, split, split, ("a", "b"), (0.5,), (0.5,), "digest")
    bench = Bench({}, {}, [Asked()], splits=("test", "validation"))
    assert len(list(measured(model, data, bench, clean=None))) == 2
    assert seen == []
    assert not bench.scores_clean_test


def test_versions_say_what_made_the_images(model, split):
    versions = {}
    list(robustness(Question(model, split, "test", 20, torch.float32, 0), {"noise": NOISE}, versions=versions))
    clean = Split(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([1, 0]))
    data = ImageData(clean, clean, clean, ("a", "b"), (0.5,), (0.5,), "digest")
    list(published_robustness(FixedClass(), data, {"cifar10c": TwoSets(names=["fog"])}, batch_size=2,
                              precision=torch.float32, versions=versions))  # fmt: skip
    one, zero = (1).to_bytes(8, "little"), bytes(8)
    parts = [bytes(64), one, bytes(192), one, one, zero, bytes(64), zero, bytes(192), zero, zero, one]
    assert versions == {
        "noise": generator_version(NOISE),
        "cifar10c:fog": hashlib.sha256(b"".join(parts)).hexdigest()[:16],
    }
    assert set(generator_columns(versions)) == {"provenance.generator.noise", "provenance.generator.cifar10c.fog"}


def test_eight_bits_cut_and_do_not_round():
    pixels = torch.tensor([0.0, 1 / 255, 1.9 / 255, 200 / 255, 0.9999, 1.0])
    assert (truncated(pixels) * 255).round().tolist() == [0, 1, 1, 200, 254, 255]


def test_eight_bits_change_what_the_network_sees(model, split):
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    score(model, split, batch_size=50, corruption=NOISE, severity=1, eight_bit=True)
    levels = seen[0] * 255
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    score(model, split, batch_size=50, corruption=NOISE, severity=1)
    assert not torch.allclose(seen[1] * 255, (seen[1] * 255).round(), atol=1e-3)
