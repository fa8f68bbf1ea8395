"""Configurations of any types stack."""

import pyarrow as pa

from frequency_reg.records import read
from tests.records.written import rewrite, write_run


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


def test_a_null_beside_numbers_leaves_them_numbers(tmp_path):
    write_run(tmp_path / "one", "1", steps=None, tag=None, never=None)
    write_run(tmp_path / "two", "2", steps=10, tag="a", never=None)
    run = read(tmp_path)["run"]
    assert run["config.steps"].type == pa.int64()
    assert run["config.steps"].to_pylist() == [None, 10]
    assert run["config.tag"].to_pylist() == [None, "a"]
    assert run["config.never"].to_pylist() == [None, None]
    assert run["config.never"].type == pa.string()


def test_whole_numbers_that_no_float_holds_stack_with_floats_as_text(tmp_path):
    write_run(tmp_path / "one", "1", x=2**53 + 1)
    write_run(tmp_path / "two", "2", x=0.5)
    assert read(tmp_path)["run"]["config.x"].to_pylist() == ["9007199254740993", "0.5"]
