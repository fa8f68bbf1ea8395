"""Paths of known functions, and random pairs that are what they are called."""

import math

import pytest
import torch

from frequency_reg.dataset.base import Split
from frequency_reg.diagnostic.path_frequency import PathFrequency, distances, pairs, path_power
from frequency_reg.model.base import Model
from tests.diagnostic.linear import Linear, ask, random_split, table


class Wave(Model):
    """p = (q, 1 - q) with q = .5 + .4 cos(2 pi k x), x the mean pixel."""

    def __init__(self, cycles: int) -> None:
        super().__init__(image_shape=(1, 2, 2), num_classes=2, mean=(0.0,), std=(1.0,))
        self.cycles = cycles

    def logits(self, x):
        q = 0.5 + 0.4 * torch.cos(2 * math.pi * self.cycles * x.mean((1, 2, 3)).double())
        return torch.stack([q.log(), (1 - q).log()], 1)


BLACK_AND_WHITE = Split(
    torch.tensor([0, 255], dtype=torch.uint8)[:, None, None, None].expand(2, 1, 2, 2).contiguous(), torch.tensor([0, 1])
)


@pytest.mark.parametrize("cycles", [1, 3, 5])
def test_a_model_that_swings_k_times_has_its_power_at_k(cycles):
    """From black to white q goes through k periods: ||p(t) - p(0)|| = sqrt(2) .4 (1 - cos 2 pi k t)."""
    rows = table(PathFrequency(paths=6, points=16, images=None), ask(Wave(cycles), BLACK_AND_WHITE), "path_frequency")
    assert {row["kind"] for row in rows} == {"between"}  # one image a class: no path within
    amplitude = math.sqrt(2) * 0.4
    expected = [0.0] * 9
    expected[0], expected[cycles] = amplitude**2, amplitude**2 / 4
    assert [row["power"] for row in rows] == pytest.approx(expected, abs=1e-6)
    assert [row["frequency"] for row in rows] == [float(k) for k in range(9)]
    assert [row["power_sd"] for row in rows] == pytest.approx([0.0] * 9, abs=1e-6)
    assert {row["length"] for row in rows} == {2.0}  # sqrt(4 pixels of 1)
    assert {(row["points"], row["paths"]) for row in rows} == {(16, 6)}


def test_power_by_a_naive_sum():
    values = torch.rand(3, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.arange(10) / 10
    for k in range(6):
        re = (values * torch.cos(2 * math.pi * k * t)).mean(1)
        im = (values * torch.sin(2 * math.pi * k * t)).mean(1)
        torch.testing.assert_close(path_power(values)[:, k], re**2 + im**2)


@torch.no_grad()
def test_distances_by_a_loop():
    generator = torch.Generator().manual_seed(0)
    model = Linear(torch.randn(3, 1, 2, 2, generator=generator), torch.zeros(3))
    first, last = torch.rand(2, 4, 1, 2, 2, generator=generator)
    found = distances(ask(model, random_split(1, (1, 2, 2), 3), batch_size=3), first, last, 5)
    for path in range(4):
        for j in range(5):
            x = (1 - j / 5) * first[path] + j / 5 * last[path]
            p, p0 = (model(image[None]).softmax(1) for image in (x, first[path]))
            assert float(found[path, j]) == pytest.approx((p - p0).norm().item(), abs=1e-6)


def test_a_constant_model_has_no_power_and_one_path_no_spread():
    model = Linear(torch.zeros(3, 1, 4, 4), torch.tensor([1.0, 2.0, 3.0]))
    rows = table(
        PathFrequency(paths=1, points=8, images=None), ask(model, random_split(30, (1, 4, 4), 3)), "path_frequency"
    )
    assert {row["kind"] for row in rows} == {"within", "between"}
    assert {row["power"] for row in rows} == {0.0}
    assert all(math.isnan(row["power_sd"]) for row in rows)


def test_pairs_join_different_images_of_one_class_or_of_two():
    labels = torch.tensor([2, 0, 1, 0, 2, 2, 4])
    within = pairs(labels, "within", 5000, torch.Generator().manual_seed(0))
    between = pairs(labels, "between", 5000, torch.Generator().manual_seed(0))
    assert within is not None
    assert between is not None
    first, last = within
    assert (labels[first] == labels[last]).all()
    assert (first != last).all()
    found = set(zip(first.tolist(), last.tolist(), strict=True))
    assert found == {(1, 3), (3, 1), (0, 4), (4, 0), (0, 5), (5, 0), (4, 5), (5, 4)}
    # a uniform over the five that have a partner, b over its partners: 1/5 for those of class 0, 1/10 for class 2
    share = float(((first == 1) & (last == 3)).double().mean())
    assert share == pytest.approx(0.2, abs=4 * math.sqrt(0.2 * 0.8 / 5000))
    first, last = between
    assert (labels[first] != labels[last]).all()
    expected = {(a, b) for a in range(7) for b in range(7) if labels[a] != labels[b]}
    assert set(zip(first.tolist(), last.tolist(), strict=True)) == expected


def test_a_kind_that_no_two_images_make_is_left_out():
    assert pairs(torch.tensor([0, 1, 2]), "within", 3, torch.Generator()) is None
    assert pairs(torch.tensor([1, 1, 1]), "between", 3, torch.Generator()) is None
