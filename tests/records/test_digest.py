"""Equal runs share a digest."""

from frequency_reg.records import content_digest
from tests.records.written import write_run


def test_digest_ignores_what_is_measured_and_nothing_else(tmp_path):
    one = content_digest(write_run(tmp_path / "one", "x", seconds=1.0, seed=0))
    assert content_digest(write_run(tmp_path / "two", "x", seconds=2.0, seed=0)) == one
    assert content_digest(write_run(tmp_path / "three", "x", seconds=1.0, seed=1)) != one
