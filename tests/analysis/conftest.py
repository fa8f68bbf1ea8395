"""The sweep that most tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.synthetic import write_sweep


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 5 configurations x 3 seeds, all complete. Read only."""
    return write_sweep(tmp_path_factory.mktemp("outputs") / "first_sweep")
