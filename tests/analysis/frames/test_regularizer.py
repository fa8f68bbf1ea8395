"""What regularizers report, per layer."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis.frames.regularizer import regularizer_quantity
from tests.analysis.synthetic import cell


@pytest.fixture(scope="module")
def records(sweep: Path) -> analysis.Records:
    return analysis.load(sweep)


def test_share_removed_per_layer(records: analysis.Records) -> None:
    frame = regularizer_quantity(records)
    row = cell(frame, layer="layer1.conv1", epoch=3)
    assert row["depth"] == 1
    assert row["mean"] == pytest.approx(0.05 * 3 * 2 / 3 + 0.001)
