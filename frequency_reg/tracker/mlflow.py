"""A run in MLflow, written while it trains; by default into a SQLite file in the sweep's folder."""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import posixpath
import re
import sqlite3
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from frequency_reg.tracker.base import Origin, require
from frequency_reg.tracker.scalars import Layers, Scalar, ScalarTracker

_SQLITE = "sqlite:///"
_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https", "databricks")

_STATUS = {"complete": "FINISHED", "killed": "KILLED", "pruned": "KILLED", "running": "RUNNING"}
"""MLflow's word for a status of ours; FAILED for every other. The tag ``status`` has ours."""

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is away is to cost seconds, not minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Set before MLflow is imported, where the user has not."""

_BUSY_SECONDS = 20
_OPENING_SECONDS = 120
_METRICS_A_BATCH, _PARAMS_A_BATCH = 1000, 100
_NAME_BYTES, _PARAM_BYTES, _TAG_BYTES = 250, 6000, 5000


class MLflow(ScalarTracker):
    """One MLflow run for each run, in the experiment of the sweep's name, found again by its tag ``run_id``.

    The configuration becomes params, the numbers of the records metrics, status and provenance tags. Only the client
    is used: no state of MLflow's in this process is changed, and its telemetry is off.

    A run that is taken up again goes on in the same MLflow run; what stands there already is not written twice. MLflow
    cannot take a value back: if one is there that the records do not hold (the run was started over, by other code
    say), the old MLflow run is deleted, as its users can delete and restore it, and a new one takes its place.

    A SQLite file is made, and its tables, by one process at a time; writing waits up to 20 s for other processes.

    Source: https://mlflow.org/docs/latest/api_reference/python_api/mlflow.client.html

    Args:
        uri: of the store: a database (``sqlite:///FILE``, ``postgresql://...``) or a server (``http://...``); None is
            the SQLite file ``mlflow.db`` in the sweep's folder.
        layers: whose SSR and spectra are shown: ``ends`` or ``all``.
    """

    def __init__(self, *, uri: str | None, layers: Layers) -> None:
        require("mlflow", ["mlflow", "sqlalchemy", "alembic"])
        if uri is not None and not re.match(rf"({'|'.join(_SCHEMES)})(\+\w+)?(:|$)", uri):
            raise ValueError(f"tracker.mlflow.uri={uri}: expected null or a URI that begins with {', '.join(_SCHEMES)}")
        super().__init__(layers=layers)
        self.uri = uri
        self._client: Any = None
        self._experiment_id = ""
        self._origin: Origin | None = None
        self._mlflow_run = ""
        self._earlier: dict[str, dict[int, set[float]]] | None = None  # values by metric and step; None in a new run
        self._given: list[Scalar] = []

    def open(self, origin: Origin) -> None:
        """See :meth:`ScalarTracker.open`."""
        uri = self.uri or f"{_SQLITE}{origin.sweep / 'mlflow.db'}"
        with _alone_in(uri):
            self._client = _client(uri)
            self._experiment_id = _experiment(self._client, origin.sweep.name)
        self._origin, self._given, self._earlier = origin, [], None
        found = self._client.search_runs([self._experiment_id], f"tags.run_id = '{origin.run_id}'", max_results=1)
        if not found:
            self._begin()
            return
        self._mlflow_run, self._earlier = found[0].info.run_id, {}
        self._client.update_run(self._mlflow_run, status="RUNNING")
        self._client.set_tag(self._mlflow_run, "status", "running")
        self._log_params(already=set(found[0].data.params))

    def log(self, scalars: Sequence[Scalar]) -> None:
        """See :meth:`ScalarTracker.log`."""
        self._given += scalars
        news = [scalar for scalar in scalars if self._is_new(scalar)]
        if any(self._contradicts(scalar) for scalar in news):
            self._client.set_tag(self._mlflow_run, "superseded", "the records of this run were made anew")
            self._client.delete_run(self._mlflow_run)
            self._earlier = None
            self._begin()
            news = self._given
        self._log_metrics(news)

    def conclude(self, row: Mapping[str, Any], scalars: Sequence[Scalar], seconds: float) -> None:
        """See :meth:`ScalarTracker.conclude`."""
        self.log(scalars)
        tags = {name: value for name, value in row.items() if name.startswith("provenance.") and value is not None}
        tags |= {"status": row["status"], "status_detail": row.get("status_detail") or ""}
        self._client.log_batch(self._mlflow_run, tags=_tags(tags))
        status = _STATUS.get(str(row["status"]), "FAILED")
        self._client.set_terminated(self._mlflow_run, status=status, end_time=round(1000 * seconds))

    def _begin(self) -> None:
        """A new MLflow run."""
        origin = self._origin
        assert origin is not None
        tags = {"run_id": origin.run_id, "sweep": origin.sweep.name, "status": "running"}
        start = round(1000 * origin.started)
        run = self._client.create_run(self._experiment_id, start_time=start, tags=tags, run_name=origin.run_name)
        self._mlflow_run = run.info.run_id
        self._log_params(already=set())

    def _log_params(self, already: set[str]) -> None:
        assert self._origin is not None
        values = {metric_name(key): value for key, value in self._origin.config.items()}
        entity = importlib.import_module("mlflow.entities").Param
        params = [
            entity(key, _clipped("null" if value is None else str(value), _PARAM_BYTES))
            for key, value in values.items()
            if key not in already
        ]
        for start in range(0, len(params), _PARAMS_A_BATCH):
            self._client.log_batch(self._mlflow_run, params=params[start : start + _PARAMS_A_BATCH])

    def _log_metrics(self, scalars: Sequence[Scalar]) -> None:
        entity = importlib.import_module("mlflow.entities").Metric
        metrics = [entity(metric_name(s.name), s.value, round(1000 * s.seconds), s.step) for s in scalars]
        for start in range(0, len(metrics), _METRICS_A_BATCH):
            self._client.log_batch(self._mlflow_run, metrics=metrics[start : start + _METRICS_A_BATCH])

    def _is_new(self, scalar: Scalar) -> bool:
        return scalar.value not in self._values_there(scalar)

    def _contradicts(self, scalar: Scalar) -> bool:
        """Whether another value of the same number stands there; of a time that was measured again, that is no wonder.

        Of two values of a step MLflow shows the one with the later time.
        """
        return not scalar.measured and bool(self._values_there(scalar) - {scalar.value})

    def _values_there(self, scalar: Scalar) -> set[float]:
        """Values that an earlier process gave for the metric and step."""
        if self._earlier is None:
            return set()
        name = metric_name(scalar.name)
        if name not in self._earlier:
            steps: dict[int, set[float]] = {}
            for metric in self._client.get_metric_history(self._mlflow_run, name):
                steps.setdefault(metric.step, set()).add(metric.value)
            self._earlier[name] = steps
        return self._earlier[name].get(scalar.step, set())


def metric_name(name: str) -> str:
    """``name`` as MLflow allows it: letters, digits and ``_-.: /``, no empty part, none of dots alone, 250 at most."""
    parts = [re.sub(r"[^\w.\-: ]", "_", part, flags=re.ASCII) for part in name.split("/")]
    return posixpath.join(*[part for part in parts if part.strip(".")] or ["_"])[:_NAME_BYTES]


def _tags(values: Mapping[str, Any]) -> list[Any]:
    entity = importlib.import_module("mlflow.entities").RunTag
    return [entity(name, _clipped(str(value), _TAG_BYTES)) for name, value in values.items()]


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


# --- the store -------------------------------------------------------------------------------------------------------


def _client(uri: str) -> Any:
    """MLflow's client, imported here and connected; a SQLite file gets its tables.

    Raises:
        Exception: of many kinds: the store cannot be reached, read or written.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        # SQLAlchemy 2.1 warns of a loader strategy that MLflow's tables use; nothing that a user could mend.
        warnings.filterwarnings("ignore", r"The ``noload`` loader strategy is deprecated", DeprecationWarning)
        mlflow = importlib.import_module("mlflow")
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what it raises is said by us, once
        if not uri.startswith(("http", "databricks")):
            # Ten attempts to connect, each after a longer pause, would hold the run up for minutes.
            vars(importlib.import_module("mlflow.store.db.utils"))["MAX_RETRY_COUNT"] = 3
        return mlflow.MlflowClient(tracking_uri=uri)


def _experiment(client: Any, name: str) -> str:
    """Id of the experiment ``name``, made if there is none, by whichever process comes first."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except Exception:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


@contextmanager
def _alone_in(uri: str) -> Iterator[None]:
    """Hold the opening of a SQLite file for this process, and make sure that it can be written.

    MLflow itself would let two processes make the tables at the same time.

    Raises:
        OSError, sqlite3.Error: it cannot.
    """
    if not uri.startswith(_SQLITE):
        yield
        return
    file = Path(uri.removeprefix(_SQLITE))
    file.parent.mkdir(parents=True, exist_ok=True)
    with (file.parent / f".{file.name}.lock").open("a") as lock:
        deadline = time.monotonic() + _OPENING_SECONDS
        while not _locked(lock.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{file}: another process has been opening it for {_OPENING_SECONDS} s")
            time.sleep(0.05)
        with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks on this file system: the only process, as a rule
    return True
