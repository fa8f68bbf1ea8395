"""A run's tables, collected and published."""

import random
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.records import RunWriter, read
from tests.records.written import EPOCHS, write_run


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


def test_restore_drops_later_epochs(tmp_path):
    folder = write_run(tmp_path / "run")
    writer = RunWriter(folder, "a")
    writer.restore({"epochs": 1}, through_epoch=0)
    writer.set_run({"status": "running"})
    writer.publish()
    assert read(folder)["epochs"]["epoch"].to_pylist() == [0]


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
