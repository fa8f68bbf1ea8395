"""Which folders hold runs."""

import pytest

from frequency_reg import presence
from frequency_reg.records import RecordsError, read
from tests.records.written import write_run


def test_error_texts_of_reading(tmp_path):
    with pytest.raises(RecordsError, match=r"nowhere: no such folder\. Give a run's folder or a sweep's folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "run.parquet").touch()
    with pytest.raises(RecordsError, match=r"run\.parquet: a file\. Give the run's folder that holds it"):
        read(tmp_path / "run.parquet")
    (tmp_path / "run.parquet").unlink()
    with pytest.raises(RecordsError, match=r"no records here \(no run\.parquet at any depth\)"):
        read(tmp_path)


def test_tables_without_a_run_table_are_damage_unless_a_process_does_the_run(tmp_path):
    write_run(tmp_path / "good", "g")
    (write_run(tmp_path / "lost", "l") / "run.parquet").unlink()
    lost = [(tmp_path / "lost" / "run.parquet", "no run.parquet beside the tables of a run")]
    assert [(damage.path, damage.reason) for damage in read(tmp_path).damaged] == lost
    with presence.hold(tmp_path / "lost"):
        assert read(tmp_path).damaged == ()
    with pytest.raises(RecordsError, match=r"at any depth\)\. Folders with other files of a run: 1\. Give"):
        read(tmp_path / "lost")
