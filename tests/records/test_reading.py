"""Reading what is whole, damaged or of another version."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from frequency_reg import records
from frequency_reg.records import RunWriter, read, write_table
from tests.records.written import write_run


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


@pytest.mark.parametrize("rows", [0, 2])
def test_a_run_table_has_one_row(tmp_path, rows):
    folder = write_run(tmp_path / "run")
    content = pq.ParquetFile(folder / "run.parquet").read()
    pq.write_table(pa.concat_tables([content] * rows) if rows else content.slice(0, 0), folder / "run.parquet")
    assert [damage.reason for damage in read(folder).damaged] == [f"{rows} rows, expected one"]


def test_a_run_that_ends_between_two_looks_is_not_taken_for_killed(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "run", status="running")

    def ends(directory):
        records.set_status(directory, "complete", "")

    monkeypatch.setattr("frequency_reg.presence.holder", ends)
    assert read(folder)["run"]["status"].to_pylist() == ["complete"]
    records.set_status(folder, "running", "")
    monkeypatch.setattr("frequency_reg.presence.holder", lambda _: None)
    assert read(folder)["run"]["status"].to_pylist() == ["killed"]


def test_a_run_published_while_folders_are_listed_is_a_run(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "s" / "run")
    hidden = (folder / "run.parquet").rename(folder / "hidden")

    def publishes(_):
        hidden.rename(folder / "run.parquet")

    monkeypatch.setattr("frequency_reg.presence.holder", publishes)
    found = records.survey(tmp_path / "s")
    assert (found.runs, found.damaged) == ((folder,), ())
