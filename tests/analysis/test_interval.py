"""Intervals as they are drawn."""

from __future__ import annotations

import numpy as np

from analysis.interval import bars, is_accuracy


def test_bars_of_accuracies_end_where_accuracies_do() -> None:
    mean, half_width = [0.5, 0.1, 0.9, 0.5], [0.2, 0.2, 0.2, np.nan]
    np.testing.assert_allclose(bars(mean, half_width), [[0.2, 0.1, 0.2, 0], [0.2, 0.2, 0.1, 0]])
    np.testing.assert_allclose(bars(mean, half_width, accuracy=False), [[0.2, 0.2, 0.2, 0]] * 2)


def test_differences_and_ratios_are_no_accuracies() -> None:
    names = ["clean_accuracy", "accuracy/resize/8", "corrupted_accuracy", "drop/resize", "relative_robustness",
             "train_test_gap", "clean_loss", "ssr/first/dc/init"]  # fmt: skip
    assert [is_accuracy(name) for name in names] == [True] * 3 + [False] * 5
