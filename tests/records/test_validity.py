"""Files that do not fit their table, and casts that lose nothing."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.records import RunWriter, read
from tests.records.written import rewrite, write_run


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
