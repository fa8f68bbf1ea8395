"""Frames of values by seed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def frame(values: Sequence[float | None], group: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"group": group, "seed": [str(i) for i in range(len(values))], "value": values})


def groups(**values: Sequence[float | None]) -> pd.DataFrame:
    return pd.concat([frame(v, name) for name, v in values.items()], ignore_index=True)
