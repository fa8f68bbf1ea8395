"""Robustness as heat maps, and differences from the baseline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

import analysis
from analysis.frames.robustness_map import robustness_map as frame_of
from analysis.plot.robustness_map import PLOT, robustness_map
from tests.analysis.synthetic import SWEEP, cell, edit, write_sweep


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_differences_are_paired_by_seed(sweep: Path) -> None:
    frame = frame_of(analysis.load(sweep))
    row = cell(frame, label="weight_decay 0.001", corruption="resize", severity=2)
    assert row["mean"] == pytest.approx(0.84 - 0.2)
    assert row["difference"] == pytest.approx(0.04)
    assert (row["baseline"], row["pairs"]) == ("none", 3)
    assert frame.loc[frame["label"] == "none", "difference"].isna().all()
    assert sorted(frame["severity"].unique()) == [1, 2, 3]


def test_accuracies_stand_in_their_cells(sweep: Path) -> None:
    noise, resize = robustness_map(frame_of(analysis.load(sweep))).axes[:2]
    assert [noise.get_title(), resize.get_title()] == ["gaussian_noise", "resize"]
    # .80 + .02 i, less .1 a severity; in display order: none, dropout, mask, weight decays
    assert texts(resize)[:6] == ["70", "60", "50", "76", "66", "56"]
    assert [t.get_text() for t in noise.get_yticklabels()][:2] == ["none", "dropout 0.5"]
    assert [t.get_text() for t in resize.get_xticklabels()] == ["24", "16", "8"]
    values = np.asarray(noise.collections[0].get_array()).reshape(5, 2)
    assert values[0] == pytest.approx([60, 40])


def test_an_interval_that_excludes_zero_is_marked(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", (0, 1, 2), SWEEP[:2])
    for seed, shift in ((0, -0.3), (2, 0.3)):  # the difference at the strongest noise is the seeds' luck
        edit(
            folder / f"run-1-{seed}",
            "robustness",
            lambda rows, shift=shift: rows.assign(
                accuracy=rows["accuracy"] + shift * ((rows["severity"] == 2) & (rows["corruption"] == "gaussian_noise"))
            ),
        )
    noise, resize = robustness_map(frame_of(analysis.load(folder)), difference=True).axes[:2]
    assert texts(noise) == ["+2.0*", "+2.0"]
    assert texts(resize) == ["+2.0*"] * 3
    mesh = noise.collections[0]
    assert mesh.norm.vmin == -mesh.norm.vmax


def test_without_a_baseline_there_are_accuracies_alone(tmp_path: Path) -> None:
    frame = frame_of(analysis.load(write_sweep(tmp_path / "s", (0, 1), SWEEP[1:3])))
    assert list(PLOT.draw(frame)) == ["accuracy"]
    assert robustness_map(frame, difference=True).texts[0].get_text().startswith("No configuration can be compared")


def test_the_cells_of_a_severity_that_a_configuration_lacks_stay_empty(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "s", (0, 1), SWEEP[:2])
    for seed in (0, 1):
        edit(folder / f"run-1-{seed}", "robustness",
             lambda rows: rows[(rows["severity"] < 2) | (rows["corruption"] == "resize")])  # fmt: skip
    noise = robustness_map(frame_of(analysis.load(folder))).axes[0]
    assert texts(noise) == ["60", "40", "62"]
