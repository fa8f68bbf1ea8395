"""An MLflow store whose tables are made already: making them takes seconds, so that it is done once."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from frequency_reg.tracker import mlflow


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's tables."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    uri = f"sqlite:///{file}"
    with mlflow._alone_in(uri):
        mlflow._client(uri)
    return file


@pytest.fixture
def place(store: Path) -> Callable[[Path], Path]:
    """Copy the store to a path."""

    def copy(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(store, path))

    return copy


@pytest.fixture
def tables_there(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Stores in the folders of the sweeps that the contract's tests use."""
    if importlib.util.find_spec("mlflow") is not None and request.node.callspec.params.get("name") == "mlflow":
        for sweep in ("tracked", "strange"):
            request.getfixturevalue("place")(tmp_path / "outputs" / sweep / "mlflow.db")
