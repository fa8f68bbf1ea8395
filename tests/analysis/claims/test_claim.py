"""The claims as they are written down: whole, and on which side of one a configuration is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.claims.claim import Side, claims, settings, studies
from analysis.claims.measured import expanded
from tests.analysis.synthetic import write_run

ROOT = Path(__file__).resolve().parents[3]


def test_claims_are_whole_and_every_study_that_they_name_exists() -> None:
    every, known = claims(), studies()
    assert len({claim.id for claim in every}) == len(every)
    for claim in every:
        assert claim.study in known
        assert claim.direction in (1, -1)
        if claim.kind == "metrics":
            assert set(claim.claimed) <= set(expanded(claim.metrics))
        named = [word.partition("=")[2] for word in claim.command.split() if word.startswith("study=")]
        assert all((ROOT / "conf/study" / f"{name}.yaml").is_file() for name in named)


@pytest.mark.parametrize(
    ("strength", "choices", "fits"),
    [
        (1e-4, {"regularizer.weight_decay": 1e-4}, True),
        (1e-4, {"regularizer.weight_decay": 1e-3}, False),
        (None, {"regularizer.weight_decay": 1e-4}, False),
        (None, {"regularizer": "spectral_mask"}, False),
        (1e-4, {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-4}, False),
    ],
)
def test_the_strength_of_several_is_the_only_ones(strength: float | None, choices: dict[str, Any], fits: bool) -> None:
    side = Side("spectral_mask+weight_decay", strength)
    both = {"regularizer": "spectral_mask+weight_decay", **choices}
    assert side.fits({f"config.{key}": value for key, value in both.items()}) is fits


def test_masks_with_a_weight_decay_of_zero_are_not_none() -> None:
    masks = {"config.regularizer": "spectral_mask+weight_decay", "config.regularizer.weight_decay": 0.0}
    assert not Side("none").fits(masks)
    assert Side("none").fits({"config.regularizer": "weight_decay", "config.regularizer.weight_decay": 0.0})


def test_settings_outside_of_what_a_claim_is_about_are_no_test_of_it_and_the_others_are_told_apart(
    tmp_path: Path,
) -> None:
    common = {"model": "lenet", "dataset": "cifar10", "epochs": 60}
    for i, (crop, flip, standardize) in enumerate([(0, False, True), (0, False, False), (4, True, True)]):
        images = {"dataset.crop_padding": crop, "dataset.horizontal_flip": flip, "standardize_input": standardize}
        masks = {"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": 1e-4}
        for j, own in enumerate([{"regularizer": "none"}, masks]):
            write_run(tmp_path / f"r{i}{j}", {**common, **images, **own}, 0)
    (claim,) = [claim for claim in claims() if claim.id == "masks_accuracy"]
    words = [setting.words for setting in settings(analysis.load(tmp_path), claim)]
    assert sorted(words) == [
        "lenet on cifar10, 60 epochs, standardize_input=false",
        "lenet on cifar10, 60 epochs, standardize_input=true",
    ]
