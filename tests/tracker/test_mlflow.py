"""What MLflow reads back is what the records hold, from one process or many, also after an interruption."""

import json
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

pytest.importorskip("mlflow", reason="pip install 'frequency-reg[trackers]'")
pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from frequency_reg import checkpoint, records
from frequency_reg.config import ConfigError, instantiate
from frequency_reg.records import content_digest
from frequency_reg.run import run
from frequency_reg.run_id import flat_config, identity, run_directory
from frequency_reg.tracker import mlflow
from frequency_reg.tracker.base import Origin
from frequency_reg.tracker.mlflow import MLflow, metric_name
from tests.contract.house import ROOT

EPOCH = dict.fromkeys(["train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"], 0.5)


@pytest.fixture
def tracked(small, place, tmp_path):
    """A small run tracked in a store whose tables are there."""
    place(tmp_path / "outputs" / "runs" / "mlflow.db")
    return lambda *overrides: small("tracker=mlflow", *overrides)


def runs_in(file, experiment="runs"):
    client = mlflow._client(f"sqlite:///{file}")
    found = client.get_experiment_by_name(experiment)
    return client, client.search_runs([found.experiment_id], max_results=1000)


def history(client, run_id):
    """Every value by metric and step; one that is there twice fails."""
    found = {}
    for name in client.get_run(run_id).data.metrics:
        for metric in client.get_metric_history(run_id, name):
            assert (name, metric.step) not in found, "written twice"
            found[name, metric.step] = metric.value
    return found


def expected(directory):
    """From the Parquet files, with nothing of the tracker's code."""
    tables = records.read(directory)
    values = {}
    for row in tables["epochs"].to_pylist():
        names = set(row) - {"run_id", "epoch"}
        values |= {(f"epochs/{n}", row["epoch"]): row[n] for n in names if row[n] is not None}
    last = max(tables["ssr"]["depth"].to_pylist())
    for row in tables["ssr"].to_pylist():
        end = {0: "first", last: "last"}.get(row["depth"])
        if end and row["value"] is not None:
            values[f"ssr/{row['normalization']}/{row['reference']}/{end}", row["epoch"]] = row["value"]
    for row in tables["regularizer"].to_pylist():
        values[f"regularizer/{row['quantity']}/{row['layer']}", row["epoch"]] = row["value"]
    for row in tables["robustness"].to_pylist():
        values[f"robustness/{row['split']}/{row['corruption']}", row["severity"]] = row["accuracy"]
    run_row = tables["run"].to_pylist()[0]
    for name in ("clean_accuracy", "clean_loss", "parameters", "train_seconds", "evaluate_seconds", "peak_memory"):
        values[f"run/{name}", run_row["epoch"]] = run_row[name]
    return values


def test_a_run_reads_back_as_its_records_exactly(tracked, tmp_path):
    config = tracked("regularizer=spectral_mask")
    outcome = run(config)
    client, (found,) = runs_in(tmp_path / "outputs" / "runs" / "mlflow.db")
    values, want = history(client, found.info.run_id), expected(outcome.directory)
    assert len(want) > 100
    assert {key: values[key] for key in want} == want
    others = {name.split("/")[0] for name, _ in set(values) - set(want)}
    assert others == {"spectra", "run"}, "besides the shares of the high band and the last epoch's numbers"
    assert found.data.params == {k: "null" if v is None else str(v) for k, v in flat_config(config).items()}
    row = records.read(outcome.directory)["run"].to_pylist()[0]
    tags = {"run_id": identity(config), "status": "complete", "sweep": "runs", "mlflow.runName": outcome.directory.name}
    tags |= {name: str(value) for name, value in row.items() if name.startswith("provenance.")}
    assert {name: found.data.tags.get(name) for name in tags} == tags
    assert (found.info.status, found.info.run_name) == ("FINISHED", outcome.directory.name)


def interrupted_after(epoch, config, monkeypatch):
    save = checkpoint.save

    def save_and_stop(directory, number, state):
        save(directory, number, state)
        if number == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        run(config)
    monkeypatch.undo()


def test_an_interrupted_run_goes_on_in_the_same_mlflow_run(tracked, tmp_path, monkeypatch):
    config = tracked("epochs=4")
    interrupted_after(2, config, monkeypatch)
    client, (before,) = runs_in(tmp_path / "outputs" / "runs" / "mlflow.db")
    assert before.info.status == "KILLED"
    assert max(step for name, step in history(client, before.info.run_id) if name == "epochs/train_loss") == 2
    run(config)
    client, (after,) = runs_in(tmp_path / "outputs" / "runs" / "mlflow.db")
    assert (after.info.run_id, after.info.status) == (before.info.run_id, "FINISHED")
    want = expected(run_directory(config))
    found = {}
    for name, step in want:
        values = [m.value for m in client.get_metric_history(after.info.run_id, name) if m.step == step]
        assert len(values) == 1, (name, step)
        found[name, step] = values[0]
    assert found == want


def test_a_run_that_was_not_tracked_at_first_is_whole_all_the_same(small, tracked, tmp_path, monkeypatch):
    interrupted_after(2, small("epochs=3"), monkeypatch)
    config = tracked("epochs=3")
    run(config)
    client, (found,) = runs_in(tmp_path / "outputs" / "runs" / "mlflow.db")
    want = expected(run_directory(config))
    values = history(client, found.info.run_id)
    assert {key: values[key] for key in want} == want


def test_a_run_started_over_with_other_numbers_takes_the_place_of_the_old_one(place, tmp_path):
    place(tmp_path / "sweep" / "mlflow.db")
    origin = Origin("id", tmp_path / "sweep" / "run", {"a": 1}, 1000.0)
    for loss, epochs in ((0.5, (0, 1, 2)), (0.25, (0, 1))):
        tracker = MLflow(uri=None, layers="ends")
        tracker.start(origin)
        for epoch in epochs:
            tracker.rows("epochs", {**EPOCH, "epoch": epoch, "train_seconds": 1.0, "validation_loss": loss})
            tracker.publish()
    client, (found,) = runs_in(tmp_path / "sweep" / "mlflow.db", "sweep")
    values = history(client, found.info.run_id)
    assert {step: v for (name, step), v in values.items() if name == "epochs/validation_loss"} == {0: 0.25, 1: 0.25}
    deleted = client.search_runs([found.info.experiment_id], run_view_type=2)  # ViewType.DELETED_ONLY
    assert [run.data.tags["superseded"] for run in deleted] == ["the records of this run were made anew"]


def test_a_time_measured_again_is_no_contradiction(place, tmp_path):
    place(tmp_path / "sweep" / "mlflow.db")
    origin = Origin("id", tmp_path / "sweep" / "run", {}, 1000.0)
    for seconds in (1.0, 2.0):
        tracker = MLflow(uri=None, layers="ends")
        tracker.start(origin)
        tracker.rows("epochs", {**EPOCH, "epoch": 1, "train_seconds": seconds})
        tracker.publish()
    _, (found,) = runs_in(tmp_path / "sweep" / "mlflow.db", "sweep")
    assert found.data.metrics["epochs/train_seconds"] == 2.0, "the later one is shown"


@pytest.mark.parametrize(
    ("status", "theirs"),
    [("complete", "FINISHED"), ("diverged", "FAILED"), ("oom", "FAILED"), ("killed", "KILLED"), ("pruned", "KILLED")],
)
def test_statuses(place, tmp_path, status, theirs):
    place(tmp_path / "sweep" / "mlflow.db")
    tracker = MLflow(uri=None, layers="ends")
    tracker.start(Origin("id", tmp_path / "sweep" / "run", {}, 1000.0))
    _, (found,) = runs_in(tmp_path / "sweep" / "mlflow.db", "sweep")
    assert (found.info.status, found.data.tags["status"]) == ("RUNNING", "running")
    tracker.end({"status": status, "status_detail": "why", "epoch": 1, "evaluate_seconds": 2.5})
    _, (found,) = runs_in(tmp_path / "sweep" / "mlflow.db", "sweep")
    assert (found.info.status, found.info.end_time) == (theirs, 1_002_500)
    assert (found.data.tags["status"], found.data.tags["status_detail"]) == (status, "why")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("ssr/dc/init/first", "ssr/dc/init/first"),
        ("a/../b//c", "a/b/c"),
        ("/etc/passwd", "etc/passwd"),
        ("é'<q>", "___q_"),
        ("..", "_"),
        ("x" * 300, "x" * 250),
    ],
)
def test_metric_names_are_those_that_mlflow_takes(name, allowed):
    assert metric_name(name) == allowed


@pytest.mark.parametrize("uri", ["mlflow.db", "foo://x", "/tmp/x", "sqlit:///x"])
def test_what_is_no_store_is_refused_before_anything_runs(small, uri):
    config = small("tracker=mlflow", f"tracker.mlflow.uri={uri}")
    with pytest.raises(ConfigError, match=f"tracker.mlflow.uri={uri}: expected null or a URI that begins with sqlite,"):
        instantiate(config.tracker["mlflow"])


def test_the_usual_environment_variable_names_the_store(small, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert small("tracker=mlflow").tracker["mlflow"]["uri"] == "http://server:5000"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert small("tracker=mlflow").tracker["mlflow"]["uri"] is None


def spoil(file, how):
    file.parent.mkdir(parents=True)
    if how == "no database":
        file.write_bytes(b"this is no database, but long enough to be looked at. " * 50)
    elif how == "a folder":
        file.mkdir()
    elif how == "locked":
        connection = sqlite3.connect(file)
        connection.execute("BEGIN EXCLUSIVE")
        return connection
    return None


@pytest.mark.parametrize("how", ["no database", "a folder", "locked"])
def test_a_store_that_cannot_be_used_costs_one_warning_and_seconds(small, tmp_path, caplog, monkeypatch, how):
    monkeypatch.setattr(mlflow, "_BUSY_SECONDS", 0.1)
    plain = run(small("epochs=1", "name=plain"))
    connection = spoil(tmp_path / "outputs" / "runs" / "mlflow.db", how)
    outcome = run(small("epochs=1", "tracker=mlflow"))
    assert outcome.status == "complete"
    assert content_digest(outcome.directory) == content_digest(plain.directory)
    assert len(caplog.records) == 1
    said = {"no database": "file is not a database", "a folder": "unable to open", "locked": "database is locked"}
    assert said[how] in caplog.text
    if connection is not None:
        connection.close()


def test_a_server_that_is_away_costs_one_warning(small, caplog, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    outcome = run(small("epochs=1", "tracker=mlflow", "tracker.mlflow.uri=http://127.0.0.1:9"))
    assert outcome.status == "complete"
    ours = [r for r in caplog.records if r.name.startswith("frequency_reg")]
    assert len(ours) == 1
    assert "tracker mlflow: MlflowException: API request to http://127.0.0.1:9/" in ours[0].getMessage()


def test_a_store_that_fails_in_mid_run_costs_one_warning(tracked, small, caplog, monkeypatch):
    plain = run(small("name=plain"))
    log, calls = MLflow.log, []

    def fail_later(self, scalars):
        calls.append(len(scalars))
        if len(calls) == 2:
            raise sqlite3.OperationalError("database or disk is full")
        log(self, scalars)

    monkeypatch.setattr(MLflow, "log", fail_later)
    outcome = run(tracked())
    assert (outcome.status, len(calls), len(caplog.records)) == ("complete", 2, 1)
    assert content_digest(outcome.directory) == content_digest(plain.directory)


WITHOUT_NETWORK = """
import json, os, socket, sys, threading, pathlib
asked = []
def refuse(self, address, *rest):
    if self.family != socket.AF_UNIX:
        asked.append(str(address))
        raise OSError("no network here")
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda host, *rest, **more: asked.append(str(host)) or []
from frequency_reg.tracker.base import Origin
from frequency_reg.tracker.mlflow import MLflow
tracker = MLflow(uri=None, layers="ends")
tracker.start(Origin("id", pathlib.Path(sys.argv[1]) / "run", {"a": 1}, 1000.0))
tracker.end({"status": "complete", "epoch": 0})
from mlflow.telemetry import get_telemetry_client
threads = [t.name for t in threading.enumerate() if "elemetry" in t.name]
print(json.dumps([asked, threads, get_telemetry_client() is None]))
"""


def test_no_network_call_and_no_telemetry(place, tmp_path):
    place(tmp_path / "sweep" / "mlflow.db")
    told_by = ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")
    environment = {k: v for k, v in os.environ.items() if k not in told_by}
    command = [sys.executable, "-c", WITHOUT_NETWORK, str(tmp_path / "sweep")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[], [], True]
    assert "WARNING" not in done.stderr
    assert "INFO" not in done.stderr


ONE_OF_MANY = """
import pathlib, sys
from frequency_reg.tracker.base import Origin
from frequency_reg.tracker.mlflow import MLflow
number, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
tracker = MLflow(uri=None, layers="ends")
tracker.start(Origin(f"id{number}", folder / f"run{number}", {"seed": number}, 1000.0))
for epoch in range(40):
    columns = dict.fromkeys(["train_loss", "train_accuracy", "validation_loss", "learning_rate"], epoch / 64)
    tracker.rows("epochs", {"epoch": epoch, "train_seconds": 1.0, "validation_accuracy": number / 8, **columns})
    tracker.publish()
tracker.end({"status": "complete", "epoch": 39, "clean_accuracy": number / 8})
print("done")
"""


@pytest.mark.slow
def test_four_processes_make_one_store_and_lose_nothing(tmp_path):
    """All start at once: the tables, the experiment and every number are made in competition."""
    command = [sys.executable, "-c", ONE_OF_MANY]
    processes = [
        subprocess.Popen([*command, str(n), str(tmp_path / "sweep")], cwd=ROOT, stdout=-1, stderr=-1, text=True)
        for n in range(4)
    ]
    ends = [process.communicate() for process in processes]
    assert [(process.returncode, out) for process, (out, _) in zip(processes, ends, strict=True)] == [(0, "done\n")] * 4
    client, found = runs_in(tmp_path / "sweep" / "mlflow.db", "sweep")
    assert len([e for e in client.search_experiments() if e.name == "sweep"]) == 1
    assert sorted(r.info.run_name for r in found) == ["run0", "run1", "run2", "run3"]
    for mlflow_run in found:
        number = int(mlflow_run.data.params["seed"])
        values = history(client, mlflow_run.info.run_id)
        assert len(values) == 40 * 6 + 1
        assert all(values["epochs/train_loss", epoch] == epoch / 64 for epoch in range(40))
        assert values["run/clean_accuracy", 39] == number / 8
        assert mlflow_run.info.status == "FINISHED"


def test_writers_of_one_store_wait_for_each_other(place, tmp_path):
    """Another process holds the file for a while in mid-run: nothing is lost, nothing is said."""
    file = place(tmp_path / "sweep" / "mlflow.db")
    tracker = MLflow(uri=None, layers="ends")
    tracker.start(Origin("id", tmp_path / "sweep" / "run", {}, 1000.0))
    other = sqlite3.connect(file, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.0, other.rollback)
    release.start()
    tracker.rows("epochs", {**EPOCH, "epoch": 1, "train_seconds": 1.0})
    tracker.publish()
    release.join()
    other.close()
    client, (found,) = runs_in(file, "sweep")
    assert history(client, found.info.run_id)["epochs/train_loss", 1] == 0.5
