"""Which columns differ, what is one configuration, and what it is called."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from analysis.configuration import configurations, differing_columns, unregularized


def run(**columns: list[object]) -> pd.DataFrame:
    named = {"config." + key.replace("__", "."): values for key, values in columns.items()}
    count = len(next(iter(columns.values())))
    rows = {"run_id": [f"r{i}" for i in range(count)], "run_name": [f"n{i}" for i in range(count)],
            "status": ["complete"] * count, "status_detail": [None] * count}  # fmt: skip
    return pd.DataFrame({**rows, **named})


def test_nested_values_that_follow_from_the_choice_do_not_differ() -> None:
    frame = run(regularizer=["none", "dropout", "weight_decay"], regularizer__dropout=[None, 0.5, None],
                regularizer__weight_decay=[None, None, 1e-3], seed=[0, 0, 0])  # fmt: skip
    assert differing_columns(frame) == ["config.regularizer"]


def test_labels_are_made_of_what_differs() -> None:
    frame = run(
        regularizer=["weight_decay", "none", "weight_decay", "dropout", "spectral_mask+weight_decay"],
        regularizer__weight_decay=[1e-3, None, 1e-4, None, 1e-4],
        regularizer__dropout=[None, None, None, 0.5, None],
        regularizer__threshold=[None, None, None, None, 0.5],
        batch_size=[128] * 5,
        seed=[0] * 5,
    )
    assert configurations(frame).table["label"].tolist() == [
        "none",
        "dropout 0.5",
        "spectral_mask + weight_decay 0.0001",
        "weight_decay 0.0001",
        "weight_decay 0.001",
    ]


def test_an_option_that_differs_within_a_regularizer_is_named() -> None:
    frame = run(regularizer=["spectral_mask"] * 2, regularizer__threshold=[0.4, 0.5], seed=[0, 0])
    labels = ["spectral_mask (threshold=0.4)", "spectral_mask (threshold=0.5)"]
    assert configurations(frame).table["configuration"].tolist() == labels


def test_other_differences_become_the_context() -> None:
    frame = run(model=["resnet20", "lenet"], model__width=[16, None], regularizer=["none", "none"], epochs=[10, 5],
                seed=[0, 0])  # fmt: skip
    found = configurations(frame)
    assert found.table["context"].tolist() == ["lenet · epochs=5", "resnet20 · epochs=10"]
    assert list(found.shown.columns) == ["model", "epochs", "regularizer"]
    assert found.table["configuration"][1] == "resnet20 · epochs=10 · none"


def test_strengths_are_sorted_as_numbers() -> None:
    frame = run(regularizer=["weight_decay"] * 3, regularizer__weight_decay=[0.01, 1e-5, 0.0], seed=[0, 0, 0])
    assert configurations(frame).table["strength"].tolist() == [0.0, 1e-5, 0.01]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"regularizer": "none"}, True),
        ({"regularizer": "weight_decay", "regularizer.weight_decay": 0.0}, True),
        ({"regularizer": "l1+weight_decay", "regularizer.l1": 0, "regularizer.weight_decay": 0.0}, True),
        ({"regularizer": "l1+weight_decay", "regularizer.l1": 1e-5, "regularizer.weight_decay": 0.0}, False),
        ({"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": 0.0}, False),
        ({"regularizer": "spectral_mask"}, False),
        ({}, False),
    ],
)
def test_without_regularization_is_strength_zero_in_every_part(choices: dict[str, object], expected: bool) -> None:
    assert unregularized({f"config.{key}": value for key, value in choices.items()}) is expected


def test_seeds_are_replications_and_statuses_are_counted() -> None:
    frame = run(regularizer=["none"] * 3, seed=[0, 1, 2])
    frame.loc[2, "status"] = "diverged"
    table = configurations(frame).table
    assert len(table) == 1
    assert (table["total"][0], table["complete"][0]) == (3, 2)


def test_runs_without_a_seed_are_their_own_units() -> None:
    frame = run(regularizer=["none", "none"], seed=[None, None])
    assert configurations(frame).runs["seed"].tolist() == ["run r0", "run r1"]


def test_values_that_read_alike_keep_different_labels() -> None:
    frame = run(regularizer=["none", "none"], tag=["a\x1b[31m", "a?[31m"], seed=[0, 0])
    labels = configurations(frame).table["configuration"]
    assert labels.nunique() == len(labels)
    assert not any("\x1b" in label for label in labels)


def test_a_run_that_names_no_regularizer_is_unknown_and_no_run_without_one() -> None:
    table = configurations(run(regularizer=["none", None], seed=[0, 0])).table
    assert table["label"].tolist() == ["none", "unknown"]
    assert table["regularizer"].tolist() == ["none", "unknown"]
    assert configurations(run(seed=[0, 1])).table["label"].tolist() == ["unknown"]


def test_a_strength_in_a_column_of_text_is_a_number_where_it_is_one() -> None:
    frame = run(regularizer=["weight_decay"] * 3, regularizer__weight_decay=["0.01", "lots", "1e-05"], seed=[0] * 3)
    table = configurations(frame).table.set_index("label")
    labels = ["weight_decay (weight_decay=lots)", "weight_decay 1e-05", "weight_decay 0.01"]
    assert table.index.tolist() == labels
    assert table["strength"].tolist()[1:] == [1e-5, 0.01]
    assert math.isnan(table["strength"].tolist()[0])


def test_true_is_no_strength() -> None:
    frame = run(regularizer=["dropout"] * 2, regularizer__dropout=[True, False], seed=[0, 0])
    assert configurations(frame).table["strength"].isna().all()


def test_a_record_of_a_time_before_a_key_means_what_that_time_did() -> None:
    frame = run(
        model=["resnet20", "resnet20", "lenet", "vit"],
        model__norm=[None, "batch", None, None],
        diagnostic=[None, "{}", None, "{}"],
        diagnostic__fgsm__images=[None, None, 500, None],
        regularizer=["none"] * 4,
        seed=[0, 1, 0, 0],
    )
    made = configurations(frame)
    assert made.runs["configuration"].nunique() == 3, "the resnet20s are one"
    assert made.choices["config.model.norm"].tolist().count("batch") == 1, "other models have no norm to choose"
    lenet = made.choices[made.choices["config.model"] == "lenet"].iloc[0]
    assert lenet["config.diagnostic.fgsm.images"] == 500
    assert lenet.isna()["config.diagnostic"], "it had a diagnostic"


def test_numbers_that_a_search_drew_are_short_in_labels_and_whole_in_what_they_stand_for() -> None:
    drawn = [0.000329012911276, 0.00157085846203, 0.00157091846203, 0.000125]
    frame = run(regularizer=["weight_decay"] * 4, regularizer__weight_decay=drawn, seed=[0] * 4)
    found = configurations(frame)
    # With five digits the last two would read alike; what was typed stays as it was typed.
    assert found.table["configuration"].tolist() == [
        "weight_decay 0.000125",
        "weight_decay 0.000329",
        "weight_decay 0.00157086",
        "weight_decay 0.00157092",
    ]
    assert sorted(found.table["strength"]) == sorted(drawn)
    assert sorted(found.choices["config.regularizer.weight_decay"]) == sorted(drawn)
    alone = configurations(frame.iloc[:2])
    assert alone.table["label"].tolist() == ["weight_decay 0.000329", "weight_decay 0.00157"]
    assert configurations(frame.iloc[[3]]).table["label"].tolist() == ["weight_decay 0.000125"]


def test_a_number_typed_with_six_digits_is_shown_whole() -> None:
    frame = run(regularizer=["weight_decay"] * 2, regularizer__weight_decay=[0.123456, 1e-3], seed=[0, 0])
    assert configurations(frame).table["label"].tolist() == ["weight_decay 0.001", "weight_decay 0.123456"]
