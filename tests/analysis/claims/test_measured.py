"""What the records say of a claim: quantities over the layers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.claims.measured import rank_correlation


def test_rank_correlation_is_spearmans() -> None:
    x, y = pd.Series([0, 1, 2, 3, 4]), pd.Series([0.1, 0.5, 0.5, 0.2, 0.9])
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert np.isnan(rank_correlation(x, pd.Series([1.0] * 5)))
    assert np.isnan(rank_correlation(x[:2], y[:2]))
