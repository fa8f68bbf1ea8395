"""Metrics against strength."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames.strength import strength_response


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_strength_zero_is_filled_by_none(records: analysis.Records) -> None:
    frame = strength_response(records, ["clean_accuracy"])
    assert set(frame["swept"]) == {"weight_decay"}
    points = frame.sort_values("strength")
    assert points["strength"].tolist() == [0.0, 1e-4, 1e-3]
    assert points["mean"].tolist() == pytest.approx([0.80, 0.82, 0.84])
