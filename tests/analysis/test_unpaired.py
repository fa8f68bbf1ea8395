"""How the configurations that are not compared are named."""

from __future__ import annotations

from pathlib import Path

import analysis
from analysis import compare
from tests.analysis.synthetic import SWEEP, write_run


def test_long_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    write_run(tmp_path / "none", {**SWEEP[0], "dataset": "one"}, 0, layers=())
    for number in (1, 3):
        choices = {**SWEEP[number], "dataset": "another_set_whose_name_alone_fills_the_half_of_a_line"}
        write_run(tmp_path / f"other{number}", choices, 0, layers=())
    (text,) = compare.differences(analysis.load(tmp_path)).attrs["unpaired"]
    assert text == (
        "another_set_whose_name_alone_…e_half_of_a_line · dropout 0.5; "
        "another_set_whose_name_alone_…f_a_line · weight_decay 0.0001: no baseline agrees in dataset."
    )
