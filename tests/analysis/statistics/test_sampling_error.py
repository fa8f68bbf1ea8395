"""The sampling error of an accuracy, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.load import AnalysisError
from analysis.statistics.sampling_error import sampling_error


def test_sampling_error_by_hand() -> None:
    # sqrt(.9 x .1 / 100) = .03; Wilson (.9 + 3.8415 / 200 -+ 1.96 sqrt(.0009 + 3.8415 / 40000)) / 1.038415
    row = sampling_error(0.9, 100).iloc[0]
    assert row["standard_error"] == pytest.approx(0.03)
    assert (row["low"], row["high"]) == pytest.approx((0.82563, 0.94477), abs=1e-5)
    assert row["half_width"] == pytest.approx((0.94477 - 0.82563) / 2, abs=1e-5)


@pytest.mark.parametrize(("right", "images"), [(0, 10), (10, 10), (1, 1), (9203, 10_000), (137, 360)])
def test_sampling_error_equals_scipys_wilson_interval(right: int, images: int) -> None:
    row = sampling_error(right / images, images).iloc[0]
    expected = stats.binomtest(right, images).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_intervals_stay_within_zero_and_one() -> None:
    ends = sampling_error(np.repeat([0.0, 1.0], 2000), np.tile(np.arange(1, 2001), 2))
    assert (ends["low"] >= 0).all()
    assert (ends["high"] <= 1).all()
    assert (ends["half_width"] > 0).all()


def test_sampling_errors_of_many_and_missing_accuracies() -> None:
    result = sampling_error(pd.Series([0.5, np.nan, 0.5]), [100, 100, 10_000])
    assert result["standard_error"].tolist() == pytest.approx([0.05, np.nan, 0.005], nan_ok=True)
    assert result.iloc[1].isna().all()


def test_sampling_error_refuses_what_is_no_share_of_images() -> None:
    with pytest.raises(AnalysisError, match=r"accuracy 92\.5 has no sampling error: a fraction of the images, 0 to 1"):
        sampling_error([0.9, 92.5], 100)
    with pytest.raises(AnalysisError, match=r"an accuracy on 0 images has no sampling error: at least 1 image"):
        sampling_error(0.9, 0)
