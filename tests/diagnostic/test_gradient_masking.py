"""An honest model passes every check; one whose gradient is masked is found out."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from frequency_reg.diagnostic.attack import Outcome
from frequency_reg.diagnostic.base import Source
from frequency_reg.diagnostic.gradient_masking import GradientMasking, largest_rise, verdict
from tests.diagnostic.linear import Linear, ask, random_split, table, two_classes


def diagnostic(**changes):
    settings = {
        "eps": 8.0,
        "steps": [1, 5, 20],
        "linf": [2.0, 8.0, 32.0],
        "samples": 20,
        "step_factor": 2.5,
        "restarts": 1,
        "tolerance": 0.01,
        "images": None,
        "source": None,
    }
    return GradientMasking(**{**settings, **changes})


def verdicts(model, split, source=None):
    asked = ask(model, split) if source is None else with_source(model, split, source)
    chosen = diagnostic(source=None if source is None else "there")
    rows = table(chosen, asked, "gradient_masking_checks")
    return {row["check"]: row["passed"] for row in rows}


def with_source(model, split, source):
    return replace(ask(model, split), sources={"there": Source(source, "another run", "its weights")})


def correct_split(model, n=100):
    split = random_split(n, model.image_shape, 2)
    return type(split)(split.images, model(split.images / 255).argmax(1))


def test_a_linear_model_passes():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 8, 8, generator=generator)
    model = two_classes(weight, -0.5 * float(weight.sum()))
    assert verdicts(model, correct_split(model)) == dict.fromkeys(
        ["one_step", "steps", "eps", "random", "unbounded"], True
    )


class Staircase(Linear):
    """Rounded scores, which have no gradient at all."""

    def logits(self, x):
        return (super().logits(x) * 20).round() / 20 + 0 * x.sum((1, 2, 3), keepdim=True).flatten(1)


def test_a_staircase_is_found_out():
    """Random points break what PGD cannot, however large its ball."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 2, 2, generator=generator)
    steep = two_classes(weight, -0.5 * float(weight.sum()))
    model = Staircase(steep.weight.detach(), steep.bias.detach())
    found = verdicts(model, correct_split(model))
    assert not found["random"]
    assert not found["unbounded"]


def test_images_of_another_network_find_out_a_staircase_and_pass_its_slope():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(1, 8, 8, generator=generator)
    slope = two_classes(weight, -0.5 * float(weight.sum()))
    staircase = Staircase(slope.weight.detach(), slope.bias.detach())
    other = two_classes(weight + 0.3 * torch.randn(1, 8, 8, generator=generator), 0.0)
    split = correct_split(slope)
    assert not verdicts(staircase, split, slope)["transfer"]
    assert not verdicts(staircase, split, other)["transfer"]
    assert verdicts(slope, split, other) == dict.fromkeys(
        ["one_step", "steps", "eps", "random", "unbounded", "transfer"], True
    )
    rows = table(diagnostic(source="there"), with_source(staircase, split, slope), "gradient_masking")
    direct = table(diagnostic(), ask(slope, split), "gradient_masking")[0:2]
    transfer = [row for row in rows if row["check"] == "transfer"]
    assert [(row["attack"], row["steps"], row["position"]) for row in transfer] == [("transfer", 20, 0), ("pgd", 20, 1)]
    assert transfer[0]["accuracy"] == pytest.approx(direct[1]["accuracy"], abs=0.03)  # but for rounding, one network


def test_rows_hold_the_series_of_each_check():
    model = two_classes(torch.ones(1, 4, 4), -8.0)
    rows = table(diagnostic(), ask(model, correct_split(model, 30)), "gradient_masking")
    series = {}
    for row in rows:
        series.setdefault(row["check"], []).append(
            (row["attack"], round(row["eps"] * 255), row["steps"], row["restarts"])
        )
    assert series == {
        "one_step": [("fgsm", 8, 1, 1), ("pgd", 8, 20, 1)],
        "steps": [("pgd", 8, 1, 1), ("pgd", 8, 5, 1), ("pgd", 8, 20, 1)],
        "eps": [("pgd", 2, 20, 1), ("pgd", 8, 20, 1), ("pgd", 32, 20, 1)],
        "random": [("random", 8, 0, 20), ("pgd", 8, 20, 1)],
        "unbounded": [("pgd", 255, 20, 1)],
    }
    assert [row["position"] for row in rows] == [0, 1, 0, 1, 2, 0, 1, 2, 0, 1, 0]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([90, 50, 50, 10], 0), ([40, 60], 20), ([90, 30, 50, 40], 20), ([50], 0), ([10, 50, 70], 60)],
)
def test_largest_rise(counts, expected):
    assert largest_rise(counts) == expected


@pytest.mark.parametrize(("tolerance", "images"), [(0.01, 2), (0.005, 1), (0.07, 14), (0.35, 70), (0.0149, 2)])
def test_a_rise_of_exactly_the_tolerance_passes_wherever_it_happens(tolerance, images):
    """All 201 x 201 pairs of counts of 200: what counts is how many more images were right, and nothing else."""
    pairs = list(product(range(201), repeat=2))
    found = [verdict("steps", pair, tolerance, 200) for pair in pairs]
    assert [each["passed"] for each in found] == [second - first <= images for first, second in pairs]
    assert all(each["passed"] == (each["value"] <= each["tolerance"]) for each in found)
    assert [verdict("unbounded", [left], tolerance, 200)["passed"] for left in range(201)] == [
        left <= images for left in range(201)
    ]


def test_a_run_on_200_images_forgives_two_and_not_three(monkeypatch):
    """From 56 right to 58 of 200: .29 - .28 is above .01 in binary fractions."""
    correct = {1: 56, 5: 58, 20: 0}

    def attacked(_question, split, _ball, *, steps, **_):
        return Outcome(torch.arange(len(split)) < correct[steps], torch.zeros(len(split), dtype=torch.float64))

    monkeypatch.setattr("frequency_reg.diagnostic.gradient_masking.projected_gradient", attacked)
    model = two_classes(torch.ones(1, 2, 2), 0.0)
    for count, passed in ((58, True), (59, False)):
        correct[5] = count
        rows = table(diagnostic(), ask(model, random_split(200, (1, 2, 2), 2)), "gradient_masking_checks")
        steps = next(row for row in rows if row["check"] == "steps")
        assert (steps["value"], steps["passed"]) == ((count - 56) / 200, passed)


@pytest.mark.parametrize(("key", "values"), [("steps", [5, 5]), ("linf", [8.0, 2.0])])
def test_series_must_rise(key, values):
    with pytest.raises(ValueError, match=f"gradient_masking.{key}=.*: each must be larger than the one before"):
        diagnostic(**{key: values})
