"""Which configurations are drawn when they are too many."""

from __future__ import annotations

from pathlib import Path

import analysis
from analysis.selection import drawn
from tests.analysis.synthetic import write_run


def test_few_configurations_are_all_drawn(sweep: Path) -> None:
    records = analysis.load(sweep)
    assert drawn(records) == (records, "")


def test_of_many_the_plain_one_the_weakest_and_the_strongest_are_drawn(tmp_path: Path) -> None:
    write_run(tmp_path / "none", {"regularizer": "none"}, 0)
    for i in range(20):
        choices = {"regularizer": "weight_decay", "regularizer.weight_decay": 1e-6 * 2**i}
        write_run(tmp_path / f"wd{i}", choices, 0, layers=(), clean=0.9 - 0.04 * i)
    write_run(tmp_path / "lost", {"regularizer": "dropout"}, 0, clean=None, status="failed", layers=())
    few, sentence = drawn(analysis.load(tmp_path), 5)
    labels = few.configurations.table["configuration"].tolist()
    assert labels[0] == "none"
    assert labels[1:] == [f"weight_decay {1e-6 * 2**i:.12g}" for i in (0, 6, 13, 19)]
    assert sentence.startswith("5 of 21 configurations are drawn, evenly spaced in the table's order and not chosen by")


def test_masks_with_a_weight_decay_of_zero_are_not_kept_as_the_plain_one(tmp_path: Path) -> None:
    write_run(tmp_path / "none", {"regularizer": "none"}, 0, layers=())
    for i in range(20):
        choices = {"regularizer": "spectral_mask+weight_decay", "regularizer.weight_decay": i / 1000}
        write_run(tmp_path / f"m{i}", choices, 0, layers=())
    few, _ = drawn(analysis.load(tmp_path), 8)
    assert few.configurations.table["strength"].tolist()[1:] == [i / 1000 for i in (0, 3, 6, 10, 13, 16, 19)]
