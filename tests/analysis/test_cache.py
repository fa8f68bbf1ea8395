"""The cache of compacted records on request."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis
from analysis import cache
from tests.analysis.synthetic import SWEEP, write_run, write_sweep


def test_compacting_says_what_was_done_and_removing_leaves_the_records(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0, 1), sweep=SWEEP[:2], layers=("conv1",))
    before = analysis.load(root)["run"].sort_values("run_id", ignore_index=True)
    text, damaged = cache.compacted(root)
    assert text.startswith(f"4 of 4 runs in {root / '.compact'}, 4 of them new; records ")
    assert damaged == []
    write_run(root / "more", SWEEP[0], 5, layers=())
    (root / "run-0-0" / "epochs.parquet").write_bytes(b"damaged")
    text, damaged = cache.compacted(root)
    assert [damage.path for damage in damaged] == [root / "run-0-0" / "epochs.parquet"]
    assert "4 of 5 runs" in text
    assert ", 1 of them new, 1 are unfinished or damaged and stay as they are;" in text
    assert "removed" in cache.removed(root)
    assert not (root / ".compact").exists()
    (root / "more" / "run.parquet").unlink()
    after = analysis.load(root)["run"].sort_values("run_id", ignore_index=True)
    assert after[list(before)].equals(before)


def test_a_folder_that_refuses_the_cache_is_one_clear_message(tmp_path: Path) -> None:
    root = write_sweep(tmp_path / "s", seeds=(0,), sweep=SWEEP[:1], layers=())
    (root / ".compact").write_text("in the way")
    with pytest.raises(analysis.AnalysisError, match=r"\.compact: the cache could not be written \(.+\)\. The rec"):
        cache.compacted(root)


def test_nothing_to_compact_or_remove(tmp_path: Path) -> None:
    with pytest.raises(analysis.AnalysisError, match="no records here"):
        cache.compacted(tmp_path)
    with pytest.raises(analysis.AnalysisError, match="there is no cache to remove"):
        cache.removed(tmp_path)
