"""How values are written."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.formatting import estimate_text, markdown_grid, p_text, value_text, without_folders


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1e-5, "1e-05"), (64.0, "64"), (np.int64(3), "3"), (np.float64(0.5), "0.5"), (True, "true"),
     (None, "–"), (float("nan"), "–"), ("a\nb\x07", "a b?"), ("/data/sets/cifar10", "…/cifar10")],
)  # fmt: skip
def test_value_text(value: object, text: str) -> None:
    assert value_text(value) == text


def test_folders_are_cut_from_messages() -> None:
    text = "FileNotFoundError: '/home/somebody/x/batch.bin' (1/2 read), see C:\\logs\\run\\out.txt"
    assert without_folders(text) == "FileNotFoundError: '…/batch.bin' (1/2 read), see …/out.txt"


def test_estimates() -> None:
    assert estimate_text(0.92034, 0.00451, "fraction") == "92.03 ± 0.45"
    assert estimate_text(0.92034, float("nan"), "fraction") == "92.03"
    assert estimate_text(0.5, 0.25, "1", signed=True) == "+0.500 ± 0.250"
    assert estimate_text(float("nan"), float("nan"), "1", signed=True) == "–"
    assert estimate_text(12345.6, 1.0, "1") == "1.235e+04 ± 1.000"


def test_p_values_are_never_written_as_zero() -> None:
    assert [p_text(p) for p in (0.0004, 0.05, 0.9999, float("nan"))] == ["<.001", ".050", "1", "–"]


def test_markdown_cells_cannot_leave_their_cell() -> None:
    line = markdown_grid(["head"], [["a|b <script> [x](y)"]])[2]
    assert line == "| a\\|b &lt;script&gt; \\[x\\](y) |"
