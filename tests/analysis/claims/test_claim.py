"""The claims as they are written down: whole, and on which side of one a configuration is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.claims.claim import Side, claims, studies
from analysis.claims.measured import expanded

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
