"""The position in a null distribution, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics.null_position import null_position


@pytest.mark.parametrize(
    ("value", "p"),
    # Draws 1, 2, 2, 3; beyond, ties -> 2 (beyond + ties / 2 + 1) / 5
    [(0.0, 0.4), (1.0, 0.6), (1.5, 0.8), (2.0, 1.0), (2.5, 0.8), (3.0, 0.6), (9.0, 0.4), (np.nan, np.nan)],
)
def test_null_position_by_hand(value: float, p: float) -> None:
    assert null_position(value, [2.0, 1.0, 3.0, 2.0]) == pytest.approx(p, nan_ok=True)


def test_null_positions_of_many_values_with_draws_of_their_own() -> None:
    draws = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan], [np.nan] * 3, [0.0, 0.0, 0.0]])
    # 2 x 1 / 4; 2 x 1 / 3; no draws; all ties: 2 x 2.5 / 4 -> 1
    assert null_position([9.0, 9.0, 9.0, 0.0], draws) == pytest.approx([0.5, 2 / 3, np.nan, 1.0], nan_ok=True)
    assert null_position([0.0, 9.0], [1.0, 2.0, 3.0]) == pytest.approx([0.5, 0.5])
