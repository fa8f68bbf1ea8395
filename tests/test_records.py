"""Records: schemas, atomic publishing, reading what is damaged or mixed, and the digest that equal runs share."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.records import RecordsError, RunWriter, content_digest, read, write_table

EPOCHS = {
    "train_loss": None,
    "train_accuracy": 0.5,
    "validation_loss": 1.0,
    "validation_accuracy": 0.25,
    "learning_rate": 0.1,
}


def write_run(folder, run_id="a", *, status="complete", seconds=1.0, **config):
    folder.mkdir(parents=True)
    writer = RunWriter(folder, run_id, stamp={"torch": "9.9"})
    writer.add("epochs", {**EPOCHS, "epoch": [0, 1], "train_seconds": seconds})
    writer.set_run({"status": status, **{f"config.{k}": v for k, v in config.items()}, "provenance.host": str(seconds)})
    writer.publish()
    return folder


def test_every_table_has_a_run_id_and_every_field_a_definition_and_unit():
    for name, schema in records.TABLES.items():
        assert schema.names[0] == "run_id", name
        for field in schema:
            assert field.metadata[b"definition"]
            assert field.metadata[b"unit"]


def test_columns_that_design_names_are_there():
    assert {"epoch", "layer", "depth", "kernel", "radius", "multiplicity", "power"} < set(
        records.TABLES["spectra"].names
    )
    assert {"epoch", "layer", "normalization", "reference", "value"} < set(records.TABLES["ssr"].names)
    assert {"corruption", "severity", "parameter", "accuracy", "loss", "n"} < set(records.TABLES["robustness"].names)


def test_round_trip_with_types_and_stamp(tmp_path):
    folder = write_run(tmp_path / "run", seed=3, lr=0.5, name="x", flag=True)
    tables = read(folder)
    assert tables["epochs"].to_pydict()["epoch"] == [0, 1]
    assert tables["epochs"].schema.field("epoch").type == pa.int32()
    assert tables["epochs"]["train_loss"].null_count == 2
    row = tables["run"].to_pylist()[0]
    assert (row["config.seed"], row["config.lr"], row["config.name"], row["config.flag"]) == (3, 0.5, "x", True)
    assert tables["ssr"].num_rows == 0
    stamp = pq.read_schema(folder / "epochs.parquet").metadata
    assert stamp[b"frequency_reg.schema_version"] == str(records.SCHEMA_VERSION).encode()
    assert stamp[b"frequency_reg.torch"] == b"9.9"


def test_nan_and_infinity_become_null(tmp_path):
    writer = RunWriter(tmp_path, "a")
    writer.add("epochs", {**EPOCHS, "epoch": [1, 2], "train_seconds": [float("nan"), float("inf")]})
    writer.set_run({"status": "complete", "clean_loss": float("nan")})
    writer.publish()
    assert read(tmp_path)["epochs"]["train_seconds"].to_pylist() == [None, None]
    assert read(tmp_path)["run"]["clean_loss"].to_pylist() == [None]


def test_missing_and_unknown_columns_are_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"table epochs: missing columns \['train_seconds'\], unknown columns \['oops'\]"
    ):
        RunWriter(tmp_path, "a").add("epochs", {**EPOCHS, "epoch": 1, "oops": 1})


def test_a_probe_cannot_redefine_a_table(tmp_path):
    with pytest.raises(ValueError, match=r"tables \['ssr'\] are already defined"):
        RunWriter(tmp_path, "a", schemas={"ssr": records.TABLES["ssr"]})


def test_a_sweep_with_different_keys_and_types_reads_as_one_table(tmp_path):
    write_run(tmp_path / "s" / "one", "1", seed=0, decay=0)
    write_run(tmp_path / "s" / "two", "2", seed=1, decay=0.5, dropout=0.1)
    write_run(tmp_path / "s" / "three", "3", seed=2, decay="auto")
    rows = {row["run_id"]: row for row in read(tmp_path)["run"].to_pylist()}
    assert {key: row["config.decay"] for key, row in rows.items()} == {"1": "0", "2": "0.5", "3": "auto"}
    assert [rows[key]["config.dropout"] for key in "123"] == [None, 0.1, None]


def test_ints_widen_to_floats(tmp_path):
    write_run(tmp_path / "one", "1", decay=0)
    write_run(tmp_path / "two", "2", decay=0.5)
    assert read(tmp_path)["run"]["config.decay"].to_pylist() == [0.0, 0.5]


def test_a_damaged_file_is_named_and_the_rest_loads(tmp_path):
    good, bad = write_run(tmp_path / "good", "g"), write_run(tmp_path / "bad", "b")
    (bad / "epochs.parquet").write_bytes(b"PAR1 not parquet at all PAR1")
    tables = read(tmp_path)
    assert [d.path for d in tables.damaged] == [bad / "epochs.parquet"]
    assert tables.damaged[0].reason
    assert set(tables["epochs"]["run_id"].to_pylist()) == {"g"}
    assert set(tables["run"]["run_id"].to_pylist()) == {"g", "b"}
    (good / "run.parquet").write_bytes(b"")
    assert read(tmp_path)["epochs"].num_rows == 0  # rows without a configuration are not shown


def test_a_column_that_older_records_lack_is_null(tmp_path):
    folder = write_run(tmp_path / "old")
    path = folder / "epochs.parquet"
    write_table(path, pq.read_table(path).drop_columns(["learning_rate"]))
    write_run(tmp_path / "new", "n")
    rows = {row["run_id"]: row["learning_rate"] for row in read(tmp_path)["epochs"].to_pylist()}
    assert rows == {"a": None, "n": 0.1}


def test_error_texts_of_reading(tmp_path):
    with pytest.raises(RecordsError, match=r"nowhere: no such folder\. Give a run's folder or a sweep's folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "run.parquet").touch()
    with pytest.raises(RecordsError, match=r"run\.parquet: a file\. Give the run's folder that holds it"):
        read(tmp_path / "run.parquet")
    (tmp_path / "run.parquet").unlink()
    with pytest.raises(RecordsError, match=r"no records here \(no run\.parquet at any depth\)"):
        read(tmp_path)


def test_digest_ignores_what_is_measured_and_nothing_else(tmp_path):
    one = content_digest(write_run(tmp_path / "one", "x", seconds=1.0, seed=0))
    assert content_digest(write_run(tmp_path / "two", "x", seconds=2.0, seed=0)) == one
    assert content_digest(write_run(tmp_path / "three", "x", seconds=1.0, seed=1)) != one


def test_restore_drops_later_epochs(tmp_path):
    folder = write_run(tmp_path / "run")
    writer = RunWriter(folder, "a")
    writer.restore({"epochs": 1}, through_epoch=0)
    writer.set_run({"status": "running"})
    writer.publish()
    assert read(folder)["epochs"]["epoch"].to_pylist() == [0]


def test_version_1_had_folded_power_against_init_which_is_withdrawn(tmp_path):
    folder = write_run(tmp_path / "old")
    writer = RunWriter(folder, "a")
    rows = {"epoch": 1, "layer": "conv1", "depth": 0, "normalization": ["absolute_folded", "absolute_folded", "dc"]}
    writer.add("ssr", {**rows, "reference": ["init", "epoch_1", "init"], "value": [1.0, 2.0, 3.0], "status": "ok"})
    writer.publish()
    assert read(folder)["ssr"]["value"].to_pylist() == [1.0, 2.0, 3.0]
    path = folder / "ssr.parquet"
    table = pq.read_table(path)
    version = {**table.schema.metadata, b"frequency_reg.schema_version": b"1"}
    write_table(path, table.replace_schema_metadata(version))
    assert read(folder)["ssr"]["value"].to_pylist() == [None, 2.0, 3.0]
    assert read(folder)["ssr"]["status"].to_pylist() == ["no_statistics", "ok", "ok"]


def test_a_table_that_the_run_recorded_and_is_gone_is_named(tmp_path):
    folder = write_run(tmp_path / "run")
    (folder / "epochs.parquet").unlink()
    assert [(d.path.name, d.reason) for d in read(folder).damaged] == [
        ("epochs.parquet", "missing, though the run recorded it")
    ]


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path):
    """A limit on file size stands for a full disk; the process that hits it is a child."""
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"x": [1]}))
    before = path.read_bytes()

    def write_too_much():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            write_table(path, pa.table({"x": [os.urandom(50_000)]}))
        except RecordsError as error:
            good = "could not be written (File too large); what stood there is intact" in str(error)
            os._exit(0 if good else 3)
        os._exit(4)

    child = multiprocessing.get_context("fork").Process(target=write_too_much)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


WRITE_FOREVER = """
import sys
from pathlib import Path
from frequency_reg.records import RunWriter
writer = RunWriter(Path(sys.argv[1]), "a")
for epoch in range(100000):
    writer.add("epochs", dict(epoch=[epoch] * 50, train_loss=1.0, train_accuracy=1.0, validation_loss=1.0,
                              validation_accuracy=1.0, learning_rate=1.0, train_seconds=1.0))
    writer.set_run({"status": "running", "epoch": epoch})
    writer.publish()
    print(epoch, flush=True)
"""


def test_kill_at_any_moment_leaves_only_readable_files(tmp_path):
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        process = subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, str(folder)], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(random.Random(attempt).uniform(0.1, 0.4))
        process.kill()
        process.communicate()
        tables = read(folder)
        assert tables.damaged == ()
        # the run row is published last: it never claims an epoch that is not there
        assert max(tables["epochs"]["epoch"].to_pylist()) >= tables["run"]["epoch"].to_pylist()[0]
        RunWriter(folder, "a")
        assert not list(folder.glob(".*.tmp")), "leftovers of the killed writer are removed by the next one"
