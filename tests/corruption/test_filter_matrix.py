from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from frequency_reg.corruption.filter_matrix import Border, filter_matrix, gaussian_weights


@pytest.mark.parametrize(("border", "mode"), [("reflect", "reflect"), ("symmetric", "symmetric"), ("edge", "edge")])
@pytest.mark.parametrize("side", [1, 2, 3, 7, 20])
def test_equals_padding_and_sliding(border: Border, mode: str, side: int) -> None:
    weights = torch.tensor([0.1, 0.0, 0.5, 0.3, 0.1, -0.2, 0.2], dtype=torch.float64)
    values = np.random.default_rng(0).normal(size=side)
    padded = np.pad(values, 3, mode=mode)  # type: ignore[call-overload]
    expected = [padded[i : i + 7] @ weights.numpy() for i in range(side)]
    np.testing.assert_allclose(filter_matrix(weights, side, border).numpy() @ values, expected, atol=1e-12)


def test_gaussian_weights() -> None:
    # exp(-1/2) = .606531, sum 2.213061.
    assert gaussian_weights(1.0, 1).tolist() == pytest.approx([0.274069, 0.451863, 0.274069], abs=1e-6)
    impulse = np.eye(1, 21, 10)[0]
    expected = ndimage.gaussian_filter1d(impulse, 1.7, radius=5)
    np.testing.assert_allclose(gaussian_weights(1.7, 5).numpy(), expected[5:16], atol=1e-12)
