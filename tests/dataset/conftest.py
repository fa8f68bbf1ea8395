from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own."""
    monkeypatch.setenv("FREQUENCY_REG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def real_data() -> Path:
    """The folder with the real data sets; skips where there is none."""
    folder = os.environ.get("FREQUENCY_REG_DATA")
    if not folder:
        pytest.skip("FREQUENCY_REG_DATA is not set: no folder with real data sets")
    if not Path(folder).is_dir():
        pytest.skip(f"FREQUENCY_REG_DATA={folder}: no such folder")
    return Path(folder)
