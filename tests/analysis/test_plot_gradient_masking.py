"""A table of checks: a mark and a word for each, the value, the seeds that failed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.frames.gradient_masking import gradient_masking as frame
from analysis.plot.gradient_masking import gradient_masking
from tests.analysis.diagnosed import diagnosed


def checks(configuration: int, seed: int) -> dict[str, pd.DataFrame]:
    """Configuration 1 fails the check unbounded with seed 1 (30 %), and one of a newer version with both seeds."""
    value = {"one_step": 0.0, "unbounded": 0.3 if (configuration, seed) == (1, 1) else 0.01, "z_new": 0.02}
    rows = pd.DataFrame({"check": list(value), "value": list(value.values())})
    if configuration == 0:
        rows = rows[rows["check"] != "z_new"]
    rows = rows.assign(split="test", tolerance=0.01, n=60)
    return {"gradient_masking_checks": rows.assign(passed=rows["value"] <= 0.01)}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_seeds_that_failed_are_counted(tmp_path: Path) -> None:
    found = frame(diagnosed(tmp_path, checks)).set_index(["regularizer", "check_name"])
    assert found["failed"].to_dict() == {
        ("none", "one_step"): 0,
        ("none", "unbounded"): 0,
        ("weight_decay", "one_step"): 0,
        ("weight_decay", "unbounded"): 1,
        ("weight_decay", "z_new"): 2,
    }
    assert found.loc[("weight_decay", "unbounded"), "mean"] == pytest.approx(0.155)
    assert set(found["n"]) == {2}


def test_marks_and_words_say_the_same(tmp_path: Path) -> None:
    figure = gradient_masking(frame(diagnosed(tmp_path, checks)))
    shown = texts(figure)
    assert [text for text in shown if "passed" in text or "failed" in text] == [
        "passed", "passed", "passed", "failed 1 of 2", "failed 2 of 2",
    ]  # fmt: skip
    marks = [line for line in figure.axes[0].lines if line.get_marker() in ("o", "X")]
    assert [line.get_marker() for line in marks] == ["o", "o", "o", "X", "X"]
    # Values .01 and .3: the mean is 15.5 pp, the half-width 12.7062 x .145.
    assert "15.5 ± 184.2 pp" in shown
    assert figure.get_suptitle() == "passed: at most 1 pp in every seed; 60 images; n = 2 seeds"
    assert "z_new" in shown


def test_one_seed_has_no_interval_and_no_count(tmp_path: Path) -> None:
    shown = texts(gradient_masking(frame(diagnosed(tmp_path, checks, (1,)))))
    assert "failed" in shown
    assert "30.0 pp" in shown
    assert not any("±" in text or "of" in text.split() for text in shown)
