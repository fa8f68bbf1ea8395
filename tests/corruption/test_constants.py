from __future__ import annotations

import pytest

from frequency_reg.corruption.constants import check_one_value_each, length_scale


def test_lists_of_one_length_pass_and_others_are_named() -> None:
    check_one_value_each("fog", {"amplitude": [0.1, 0.2], "decay": [3.0, 2.0]})
    with pytest.raises(ValueError, match=r"fog.decay=\[3.0\]: 1 values for the 2 of amplitude; give one value a sev"):
        check_one_value_each("fog", {"amplitude": [0.1, 0.2], "decay": [3.0]})


def test_lengths_grow_with_the_side() -> None:
    assert length_scale(224, 32.0) == 7
    assert length_scale(8, 32.0) == 0.25
    assert length_scale(224, None) == 1


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_values_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"corruption.fog.decay=\[3.0, .*\]: give finite numbers"):
        check_one_value_each("fog", {"amplitude": [1.0, 2.0], "decay": [3.0, value]})
