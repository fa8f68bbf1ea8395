"""A comparison between runs that were made in different ways says so."""

from __future__ import annotations

from pathlib import Path

import analysis
from analysis import compare
from analysis.confounding import confounded
from tests.analysis.synthetic import SWEEP, write_run

ONE = {"precision": "float32", "processor": "some CPU", "torch": "2"}
OTHER = {"precision": "bfloat16", "processor": "some GPU", "torch": "2"}
PAIRS = {("dropout 0.5", "none"): "dropout - none", ("weight_decay 0.0001", "none"): "decay - none"}


def records(root: Path, decay: dict[str, str]) -> analysis.Records:
    """None and weight decay at seed 0 made as ONE says, dropout as OTHER; weight decay at seed 1 as ``decay``."""
    write_run(root / "n0", SWEEP[0], 0, layers=(), made_by=ONE)
    write_run(root / "n1", SWEEP[0], 1, layers=(), made_by=ONE)
    write_run(root / "w0", SWEEP[1], 0, layers=(), made_by=OTHER)
    write_run(root / "w1", SWEEP[1], 1, layers=(), made_by=decay)
    for seed in (0, 1):
        write_run(root / f"d{seed}", SWEEP[3], seed, layers=(), made_by=OTHER)
    return analysis.load(root)


def test_sides_that_share_nothing_are_named_with_what_they_do_not_share(tmp_path: Path) -> None:
    (sentence,) = confounded(records(tmp_path, ONE), PAIRS)
    assert sentence == (
        "Caution: the runs of the two sides were made with different arithmetic and processor as well, so that the "
        "difference is not the configuration's alone: dropout - none."
    )


def test_every_such_comparison_is_named_and_a_comparison_says_it(tmp_path: Path) -> None:
    found = records(tmp_path, OTHER)
    (sentence,) = confounded(found, PAIRS)
    assert sentence.endswith("alone: dropout - none; decay - none.")
    text = " ".join(compare.footer(compare.differences(found, metrics=["clean_accuracy"])))
    assert "alone: dropout 0.5 minus none; weight_decay 0.0001 minus none." in text


def test_runs_that_do_not_say_confound_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "n", SWEEP[0], 0, layers=())
    write_run(tmp_path / "w", SWEEP[1], 0, layers=(), made_by={"torch": "2"})
    assert confounded(analysis.load(tmp_path), PAIRS) == []
