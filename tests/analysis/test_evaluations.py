"""Networks that were evaluated again: what is new of them, and what was counted before."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import compare, metric
from analysis.claims import measured
from analysis.claims.claim import claims, settings
from analysis.claims.claim import studies as published
from analysis.evaluations import data_words, repeated
from analysis.published.study import studies
from tests.analysis.synthetic import write_run

DECAY = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3}
BOTH = {"none": {"regularizer": "none"}, "decay": DECAY}


def trained(root: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> None:
    for name, choices in BOTH.items():
        for seed in seeds:
            write_run(root / f"{name}{seed}", choices, seed, clean=0.8 + 0.01 * seed * (name == "decay"))


def evaluated(root: Path, dataset: str, seeds: tuple[int, ...] = (0, 1, 2), clean: float = 0.5) -> None:
    for name, choices in BOTH.items():
        for seed in seeds:
            about = {"dataset": dataset, "trained_on": "cifar10"}
            made_by = {"trained_run": f"id-{name}{seed}"}
            write_run(root / f"{name}{seed}-{dataset}", {**choices, **about}, seed, clean=clean, made_by=made_by,
                      corruptions={"gaussian_noise": (0.05,), "fog": (1.0,)})  # fmt: skip


def test_data_in_words() -> None:
    assert data_words({"dataset": "cifar10"}) == "cifar10"
    assert data_words({"dataset": "cifar10", "trained_on": "cifar10"}) == "cifar10"
    assert data_words({"dataset": "mnist", "trained_on": "digits"}) == "digits, tested on mnist"


@pytest.mark.parametrize(
    ("dataset", "again", "new"),
    [
        ("cifar10", {"clean_accuracy", "ssr/first/dc/init", "accuracy/gaussian_noise/0.05"}, {"accuracy/fog"}),
        ("mnist", {"validation_accuracy", "ssr/first/dc/init"}, {"clean_accuracy", "accuracy/gaussian_noise/0.05"}),
    ],
)
def test_other_data_and_corruptions_are_new(tmp_path: Path, dataset: str, again: set[str], new: set[str]) -> None:
    trained(tmp_path)
    evaluated(tmp_path, dataset, seeds=(0, 1))
    records = analysis.load(tmp_path)
    partner = compare.baselines(records.configurations)
    found = repeated(records, partner.items())
    (second,) = found.first
    assert ("trained_on=cifar10" in second[0], found.first[second][0] in partner) == (True, True)
    assert again <= found.metrics[second]
    assert new <= found.new[second]
    assert not found.metrics[second] & found.new[second]


def test_evaluations_without_the_training_are_evidence_once(tmp_path: Path) -> None:
    evaluated(tmp_path, "cifar10")
    evaluated(tmp_path, "mnist")
    records = analysis.load(tmp_path)
    found = repeated(records, compare.baselines(records.configurations).items())
    assert {pair: (other[0][:7], pair[0][:5]) for pair, other in found.first.items()}.popitem()[1] == (
        "cifar10",
        "mnist",
    )
    assert len(found.first) == 1


def test_the_same_networks_on_the_same_data_are_tested_once(tmp_path: Path) -> None:
    """Clean accuracy, which both have, and fog, which is new, are a family of two."""
    trained(tmp_path)
    alone = compare.differences(analysis.load(tmp_path), metrics=["clean_accuracy"])
    evaluated(tmp_path, "cifar10")
    names = ["clean_accuracy", "accuracy/fog"]
    frame = compare.differences(analysis.load(tmp_path), metrics=names)
    assert sorted(frame["metric"]) == sorted(names)
    assert frame.set_index("metric").loc["clean_accuracy", "p_holm"] == pytest.approx(2 * alone["p"].item())
    text = " ".join(compare.terminal(frame).split())
    assert "Counted once: the networks of" in text
    assert "Not compared" not in text


def test_claims_are_put_to_networks_once_and_say_what_these_were_trained_on(tmp_path: Path) -> None:
    trained(tmp_path)
    evaluated(tmp_path, "cifar10")
    evaluated(tmp_path, "mnist")
    records = analysis.load(tmp_path)
    known = {claim.id: claim for claim in claims()}
    words = {name: [s.words for s in settings(records, known[name])] for name in ("l2_suppresses", "l2_deeper")}
    assert words == {name: ["resnet20 on cifar10, 3 epochs"] for name in words}
    once, transferred = settings(records, known["l2_noise"])
    assert once.words == "resnet20 on cifar10, 3 epochs"
    assert transferred.words == "resnet20 on cifar10, tested on mnist, 3 epochs"
    assert any(text.startswith("dataset cifar10, tested on mnist instead") for text in transferred.deviations)
    assert not any(text.startswith("dataset") for text in once.deviations)


def test_training_alone_is_no_part_of_a_setting_of_other_data(tmp_path: Path) -> None:
    trained(tmp_path)
    evaluated(tmp_path, "mnist")
    records = analysis.load(tmp_path)
    (claim,) = [claim for claim in claims() if claim.id == "accuracy_order"]
    first, second = settings(records, claim)
    study = published()[claim.study]
    assert measured.tested(records, claim, first, study)["definition"].tolist() == [
        "clean_accuracy",
        "validation_accuracy",
    ]
    found = measured.tested(records, claim, second, study)
    assert (found["definition"].tolist(), found.attrs["absent"]) == (["clean_accuracy"], [])


def test_there_is_no_gap_between_two_data_sets(tmp_path: Path) -> None:
    for dataset in ("cifar10", "mnist"):
        evaluated(tmp_path / dataset, dataset, seeds=(0,))
    gaps = {
        d: metric.values(analysis.load(tmp_path / d), ["train_test_gap"])["value"].tolist()
        for d in ("cifar10", "mnist")
    }
    assert gaps == {"cifar10": pytest.approx([0.05, 0.05]), "mnist": []}


def test_networks_trained_elsewhere_reproduce_nothing(tmp_path: Path) -> None:
    choices = {"regularizer": "none", "model": "resnet18", "dataset": "cifar10"}
    write_run(tmp_path / "own", {**choices, "trained_on": "cifar10"}, 0)
    assert len(studies(analysis.load(tmp_path))) > 0
    write_run(tmp_path / "other" / "r", {**choices, "trained_on": "digits"}, 0)
    assert studies(analysis.load(tmp_path / "other")) == []
