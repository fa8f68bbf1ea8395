"""Published numbers beside ours: the verdicts, the setting they need, what is not set beside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.published.study import studies
from tests.analysis.synthetic import write_run


def test_reproduced_only_in_an_equal_setting(tmp_path: Path) -> None:
    """92.03 lies in the prediction interval of .920, .920, .921; 94.46 does not in that of .900, .901, .902."""
    same = STATED
    for seed, clean in enumerate((0.92, 0.92, 0.921)):
        write_run(tmp_path / f"n{seed}", {"regularizer": "none", **same}, seed, clean=clean, layers=())
    decay = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-3, **same}
    for seed, clean in enumerate((0.900, 0.901, 0.902)):
        write_run(tmp_path / f"w{seed}", decay, seed, clean=clean, layers=())
    study = studies(analysis.load(tmp_path))[0]
    rows = study.rows.set_index(["configuration", "metric"])
    assert study.deviations == ""
    assert rows.loc[("none", "clean_accuracy"), "verdict"] == "reproduced"
    # mean .901, sd .001: half-width 4.302653 * .001 * sqrt(4 / 3) = .004968.
    decayed = rows.loc[("weight_decay 0.001", "clean_accuracy")]
    assert decayed["low"] == pytest.approx(0.901 - 0.0049683, abs=1e-6)
    assert decayed["verdict"] == "not reproduced"
    sign = study.signs.set_index("metric").loc["clean_accuracy"]
    assert sign["published"] == pytest.approx(0.0243)
    # Differences -.02, -.019, -.019: mean -.019333, sd .00057735, half-width 4.302653 * .00057735 / sqrt(3) = .001434.
    assert [sign["mean"], sign["low"], sign["high"]] == pytest.approx([-0.019333, -0.020768, -0.017899], abs=1e-6)
    assert sign["verdict"] == "opposite sign"
    assert sign["n"] == 3
    assert "training images (ours 45000)" in study.unknown


def test_masks_with_a_weight_decay_of_zero_are_not_what_was_published_without_regularization(tmp_path: Path) -> None:
    masks = {"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": 0.0, **STATED}
    write_run(tmp_path / "masks", masks, 0, clean=0.92)
    assert studies(analysis.load(tmp_path)) == []


STATED = {
    "model": "resnet18", "model.width": 64, "epochs": 50, "optimizer": "SGD", "optimizer.lr": 0.1,
    "optimizer.momentum": 0.9, "schedule": "cosine", "dataset.crop_padding": 4, "dataset.horizontal_flip": True,
    "dataset.validation_size": 5000,
}  # fmt: skip
"""All that arXiv 2512.22192 states; batch size 128 is the generator's."""


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("optimizer.lr", 7.0, "learning rate 7 instead of 0.1"), ("batch_size", 8, "batch size 8 instead of 128"),
     ("optimizer", "Adam", "optimizer Adam instead of SGD"), ("model.width", 2, "width 2 instead of 64"),
     ("optimizer.momentum", 0.0, "momentum 0 instead of 0.9"), ("schedule", "step", "schedule step instead of cosine"),
     ("dataset.crop_padding", 0, "crop padding 0 instead of 4"), ("epochs", 3, "epochs 3 instead of 50"),
     ("dataset.horizontal_flip", False, "horizontal flip false instead of true"),
     ("dataset.validation_size", 44000, "")],
)  # fmt: skip
def test_every_stated_setting_must_agree(tmp_path: Path, key: str, value: object, words: str) -> None:
    for seed, clean in enumerate((0.92, 0.92, 0.921)):
        choices = {"regularizer": "none", **STATED, key: value}
        write_run(tmp_path / f"n{seed}", choices, seed, clean=clean, layers=())
    study = studies(analysis.load(tmp_path))[0]
    assert study.deviations == words
    verdict = study.rows.set_index("metric").loc["clean_accuracy", "verdict"]
    assert verdict == ("inside" if words else "reproduced")
    if not words:  # another number of training images is named beside the verdict
        assert "training images (ours 6000)" in study.unknown


def test_regularizers_are_set_beside_none_also_where_it_does_not_come_first(tmp_path: Path) -> None:
    """In the folder's order dropout stands before strength 0; the publication compares with no regularizer."""
    for seed in (0, 1, 2):
        write_run(tmp_path / f"d{seed}", {"regularizer": "dropout", "regularizer.dropout": 0.5, **STATED}, seed)
        write_run(
            tmp_path / f"w{seed}", {"regularizer": "weight_decay", "regularizer.weight_decay": 0.0, **STATED}, seed
        )
    study = studies(analysis.load(tmp_path))[0]
    assert list(dict.fromkeys(study.rows["configuration"])) == ["weight_decay 0", "dropout 0.5"]
    assert list(dict.fromkeys(study.rows["counterpart"])) == ["none", "dropout 0.5"]
    assert set(study.signs["pair"]) == {"dropout 0.5 − weight_decay 0"}
    differences = study.signs.set_index("metric")["published"]
    assert differences["ssr/first/dc/epoch_1"] == pytest.approx(-1.598 + 4.463)
    assert differences["ssr/first/dc/init"] == pytest.approx((1.563 - 2.057) / 2)
    assert study.signs.set_index("metric")["computed"].to_dict()["ssr/first/dc/init"]


def test_a_source_whose_own_numbers_turn_a_sign_is_contradicted_by_them(tmp_path: Path) -> None:
    write_run(tmp_path / "n", {"regularizer": "none", **STATED}, 0)
    (sentence,) = studies(analysis.load(tmp_path))[0].contradictions
    # Dropout: -1.598 + 4.463; against white kernels (1.563 - 2.057) / 2, 3/2 (.60983 - .67288), 9/8 (.86211 - .89164).
    # L2 is above none under all six.
    assert sentence == (
        "dropout 0.5 − none: SSR +2.865 under dc/epoch_1, as printed, but −0.247 under dc/init, −0.095 under "
        "total/init, −0.033 under energy/init"
    )


def test_an_interval_that_holds_every_published_value_cannot_tell(tmp_path: Path) -> None:
    for seed, clean in enumerate((0.88, 0.93, 0.98)):
        write_run(tmp_path / f"n{seed}", {"regularizer": "none", **STATED}, seed, clean=clean, layers=())
    row = studies(analysis.load(tmp_path))[0].rows.set_index("metric").loc["clean_accuracy"]
    # mean .93, sd .05: half-width 4.302653 * .05 * sqrt(4 / 3) = .248414, cut at 1; .9165, .9203 and .9446 lie within.
    assert row["low"] == pytest.approx(0.681586, abs=1e-6)
    assert row["high"] == 1
    assert row["verdict"] == "cannot tell"


def test_other_data_sets_and_model_families_are_not_set_beside(tmp_path: Path) -> None:
    for i, choices in enumerate(({"dataset": "mnist"}, {"model": "vit_small"})):
        write_run(tmp_path / f"r{i}", {"regularizer": "none", **choices}, 0, layers=())
    assert studies(analysis.load(tmp_path)) == []


def lenet(**choices: object) -> dict[str, Any]:
    both = {"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": 1e-4}
    images = {"dataset.crop_padding": 4, "dataset.horizontal_flip": True}
    return {"model": "lenet", **images, **both, "regularizer.random_drop": 0.0, **choices}


@pytest.mark.parametrize(
    ("choices", "row"),
    [
        ({}, ("augmented", 0.698)),
        ({"standardize_input": True}, ("augmented", 0.698)),
        (
            dict.fromkeys(("regularizer.weight_decay", "regularizer.random_drop")) | {"regularizer": "none"},
            ("augmented", 0.7506),
        ),
        ({"regularizer.random_drop": 0.2}, ("random drop", 0.621)),
        ({"dataset.horizontal_flip": False}, ("cropped", 0.74)),
        ({"dataset.horizontal_flip": False, "dataset.crop_padding": 0}, ("standardised", 0.683)),
        ({"dataset.horizontal_flip": False, "dataset.crop_padding": 0, "standardize_input": False}, ("raw", 0.667)),
        ({"standardize_input": False}, None),
    ],
)
def test_each_row_of_the_table_of_masks_is_found_by_its_setting(
    tmp_path: Path, choices: dict[str, Any], row: tuple[str, float] | None
) -> None:
    """A record without standardize_input is of a time when every network standardised its input."""
    write_run(tmp_path / "r", lenet(**choices), 0, clean=0.7, layers=())
    found = [
        (re.search(r"Table 1 \((.*)\)", study.source)[1], value)  # type: ignore[index]
        for study in studies(analysis.load(tmp_path))
        for value in study.rows["published"]
    ]
    assert found == ([row] if row else [])
