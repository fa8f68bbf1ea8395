"""Learning curves against a naive recomputation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis.frames.learning import learning_curves
from tests.analysis.synthetic import edit, write_run


def test_curves_and_gap_are_means_over_seeds(tmp_path: Path) -> None:
    for seed, accuracy in enumerate((0.6, 0.7)):
        write_run(tmp_path / str(seed), {"regularizer": "none"}, seed)

        def learned(rows: pd.DataFrame, accuracy: float = accuracy) -> pd.DataFrame:
            return rows.assign(train_accuracy=(accuracy + 0.1 * rows["epoch"]).mask(rows["epoch"] == 0))

        edit(tmp_path / str(seed), "epochs", learned)
    frame = learning_curves(analysis.load(tmp_path)).set_index(["quantity", "epoch"])
    assert frame.loc[("train_accuracy", 2), ["mean", "n"]].tolist() == pytest.approx([0.85, 2])
    assert frame.loc[("accuracy_gap", 3), "mean"] == pytest.approx(0.95 - 0.5)
    assert ("train_accuracy", 0) not in frame.index
