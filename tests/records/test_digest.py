"""Equal runs share a digest."""

import pytest

from frequency_reg.records import RecordsError, content_digest
from tests.records.written import write_run


def test_digest_ignores_what_is_measured_and_nothing_else(tmp_path):
    one = content_digest(write_run(tmp_path / "one", "x", seconds=1.0, seed=0))
    assert content_digest(write_run(tmp_path / "two", "x", seconds=2.0, seed=0)) == one
    assert content_digest(write_run(tmp_path / "three", "x", seconds=1.0, seed=1)) != one


def test_a_folder_without_tables_has_no_digest(tmp_path):
    with pytest.raises(RecordsError, match=r"no table here \(no \.parquet file\)"):
        content_digest(tmp_path / "typo")
