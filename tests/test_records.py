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

from frequency_reg import presence, records
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


def rewrite(folder, table, **columns):
    """Replace columns of a written table; None takes the column away."""
    path = folder / f"{table}.parquet"
    content = pq.ParquetFile(path).read()
    for name, values in columns.items():
        if name in content.column_names:
            content = content.drop_columns([name])
        content = content if values is None else content.append_column(name, values)
    pq.write_table(content, path)


@pytest.mark.parametrize(
    ("table", "columns", "reason"),
    [
        ("epochs", {"epoch": None}, "column epoch is missing, expected int32; found run_id, train_loss"),
        ("epochs", {"run_id": None}, "column run_id is missing, expected string"),
        ("epochs", {"train_loss": pa.array(["x", "y"])}, "column train_loss: found string, expected double"),
        ("epochs", {"train_loss": pa.array([[1.0], []])}, "column train_loss: found list<"),
        ("epochs", {"epoch": pa.array([0.0, 1.5])}, "column epoch: found double, expected int32 (Float value 1.5"),
        ("epochs", {"epoch": pa.array([True, False])}, "column epoch: found bool, expected int32"),
        ("epochs", {"run_id": pa.array(["a", "b"])}, "rows of another run (run_id b, expected a)"),
        ("epochs", {"run_id": pa.array(["a", None])}, "rows of another run (run_id NULL, expected a)"),
        ("epochs", {"train_accuracy": pa.array([0.5, -0.1])}, "train_accuracy -0.1 outside [0, 1]"),
        ("run", {"run_name": None}, "column run_name is missing, expected string"),
        ("run", {"run_id": pa.array([None], pa.string())}, "column run_id is empty, expected text"),
        ("run", {"status": pa.array([None], pa.string())}, "column status is empty, expected text"),
        ("run", {"clean_accuracy": pa.array(["high"])}, "column clean_accuracy: found string, expected double"),
        ("run", {"clean_accuracy": pa.array([1.5])}, "clean_accuracy 1.5 outside [0, 1]"),
        ("run", {"clean_accuracy": pa.array([float("nan")])}, "clean_accuracy nan outside [0, 1]"),
        ("run", {"clean_accuracy": pa.array([float("inf")])}, "clean_accuracy inf outside [0, 1]"),
        ("run", {"tables": pa.array(["no json"])}, "column tables: expected rows of each table as JSON"),
    ],
)
def test_a_file_that_does_not_fit_its_table_is_damage_and_the_rest_loads(tmp_path, table, columns, reason):
    folder = write_run(tmp_path / "s" / "bad", "a")
    write_run(tmp_path / "s" / "good", "g")
    rewrite(folder, table, **columns)
    tables = read(tmp_path / "s")
    assert [damage.path for damage in tables.damaged] == [folder / f"{table}.parquet"]
    assert tables.damaged[0].reason.startswith(reason)
    assert set(tables["epochs"]["run_id"].to_pylist()) == {"g"}
    assert set(tables["run"]["run_id"].to_pylist()) == ({"g"} if table == "run" else {"a", "g"})


@pytest.mark.parametrize("rows", [0, 2])
def test_a_run_table_has_one_row(tmp_path, rows):
    folder = write_run(tmp_path / "run")
    content = pq.ParquetFile(folder / "run.parquet").read()
    pq.write_table(pa.concat_tables([content] * rows) if rows else content.slice(0, 0), folder / "run.parquet")
    assert [damage.reason for damage in read(folder).damaged] == [f"{rows} rows, expected one"]


def test_severities_are_whole_numbers_also_when_stored_as_floats(tmp_path):
    folder = write_run(tmp_path / "run")
    writer = RunWriter(folder, "a")
    rows = {"split": "test", "corruption": "fog", "parameter": 1.0, "parameter_unit": "u", "loss": 1.0, "n": 10}
    writer.add("robustness", {**rows, "severity": [0, 1], "accuracy": [1.0, 0.0]})
    writer.publish()
    rewrite(folder, "robustness", severity=pa.array([0.0, 1.0]))
    tables = read(folder)
    assert tables.damaged == ()
    assert tables["robustness"].schema.field("severity").type == pa.int32()
    assert tables["robustness"]["severity"].to_pylist() == [0, 1]
    rewrite(folder, "robustness", severity=pa.array([0.5, 1.5]))
    assert [damage.path.name for damage in read(folder).damaged] == ["robustness.parquet"]


def test_casts_that_lose_nothing_are_done(tmp_path):
    folder = write_run(tmp_path / "run")
    rewrite(folder, "epochs", epoch=pa.array([0, 1], pa.int64()), train_loss=pa.array([1, 2], pa.int8()),
            run_id=pa.array(["a", "a"]).dictionary_encode(), validation_loss=pa.array([0.5, 0.25], pa.float32()),
            learning_rate=pa.nulls(2), train_seconds=pa.array([float("inf"), 1.0]))  # fmt: skip
    rewrite(folder, "run", status=pa.array(["complete"], pa.large_string()))
    tables = read(folder)
    assert tables.damaged == ()
    assert tables["epochs"].select(records.TABLES["epochs"].names).schema.equals(records.TABLES["epochs"])
    assert tables["epochs"]["train_loss"].to_pylist() == [1.0, 2.0]
    assert tables["epochs"]["validation_loss"].to_pylist() == [0.5, 0.25]
    assert tables["epochs"]["train_seconds"].to_pylist() == [None, 1.0]
    assert tables["run"].schema.field("status").type == pa.string()


def test_configuration_columns_of_any_types_stack(tmp_path):
    values = [pa.array(["0.1"], pa.large_string()), pa.array([[1, 2]]), pa.array([True]), pa.array([1], pa.int8()),
              pa.array([{"a": 1}]), pa.nulls(1), pa.array(["x"]).dictionary_encode(), pa.array([0.5], pa.float32()),
              pa.array([float("nan")])]  # fmt: skip
    for number, value in enumerate(values):
        rewrite(write_run(tmp_path / "s" / str(number), str(number)), "run", **{"config.x": value})
    tables = read(tmp_path / "s")
    assert tables.damaged == ()
    found = dict(zip(tables["run"]["run_id"].to_pylist(), tables["run"]["config.x"].to_pylist(), strict=True))
    assert [found[str(n)] for n in range(9)] == ["0.1", "[1, 2]", "true", "1", "{'a': 1}", None, "x", "0.5", None]


def test_whole_numbers_that_no_float_holds_stack_with_floats_as_text(tmp_path):
    write_run(tmp_path / "one", "1", x=2**53 + 1)
    write_run(tmp_path / "two", "2", x=0.5)
    assert read(tmp_path)["run"]["config.x"].to_pylist() == ["9007199254740993", "0.5"]


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [(b"99", "made by a newer version (99) than this one reads (3)"), (b"x", "its schema version is no number (x)")],
)
def test_a_version_that_is_not_known_is_not_read(tmp_path, stamp, reason):
    folder = write_run(tmp_path / "run")
    content = pq.ParquetFile(folder / "epochs.parquet").read()
    metadata = {**content.schema.metadata, b"frequency_reg.schema_version": stamp}
    pq.write_table(content.replace_schema_metadata(metadata), folder / "epochs.parquet")
    tables = read(folder)
    assert [(damage.path.name, damage.reason) for damage in tables.damaged] == [("epochs.parquet", reason)]
    assert len(tables["epochs"]) == 0


def test_tables_without_a_run_table_are_damage_unless_a_process_does_the_run(tmp_path):
    write_run(tmp_path / "good", "g")
    (write_run(tmp_path / "lost", "l") / "run.parquet").unlink()
    lost = [(tmp_path / "lost" / "run.parquet", "no run.parquet beside the tables of a run")]
    assert [(damage.path, damage.reason) for damage in read(tmp_path).damaged] == lost
    with presence.hold(tmp_path / "lost"):
        assert read(tmp_path).damaged == ()
    with pytest.raises(RecordsError, match=r"at any depth\)\. Folders with other files of a run: 1\. Give"):
        read(tmp_path / "lost")
