"""Frames as compact JSON: numbers to five significant digits, repeated texts once."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 5
"""Significant digits of a drawn number: a screen shows three."""


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame by columns.

    Numbers are a list (null where missing), texts ``{"v": values, "i": codes}`` (-1 where missing). A column that
    keeps its value for long is ``{"v": values, "r": [code, times, code, times, ...]}``.
    """
    return {"rows": len(frame), "columns": {str(name): _column(frame[name]) for name in frame.columns}}


def _column(column: pd.Series) -> Any:
    if pd.api.types.is_numeric_dtype(column):
        numbers = [_rounded(value) for value in column.astype(float).tolist()]
        codes, values = pd.factorize(pd.Series(numbers, dtype=object))
        runs = _runs(codes)
        return numbers if 2 * len(runs) > len(numbers) else {"v": list(values), "r": runs}
    codes, texts = pd.factorize(column)
    runs = _runs(codes)
    words = [str(text) for text in texts]
    return {"v": words, "i": codes.tolist()} if len(runs) > len(codes) else {"v": words, "r": runs}


def _runs(codes: np.ndarray) -> list[int]:
    """``[5, 5, 2]`` as ``[5, 2, 2, 1]``: each code with the number of times it stands in a row."""
    starts = np.flatnonzero(np.diff(codes, prepend=-2))
    times = np.diff(starts, append=len(codes))
    return [int(number) for pair in zip(codes[starts], times, strict=True) for number in pair]


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    number = float(f"{value:.{DIGITS}g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def inert(value: object) -> str:
    """JSON that may stand inside a script element: no value can close it, and NaN is refused."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
