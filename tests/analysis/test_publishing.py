"""Files of the analysis appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.load import AnalysisError
from analysis.publishing import publishing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")

    def full(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with (
        pytest.raises(AnalysisError, match=r"a\.csv: could not be written \(No space left on device\)"),
        publishing(target) as sink,
    ):
        sink.write(b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_text() == "old"


def test_folders_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"is a folder\. Give a file: -o FILE\."), publishing(tmp_path):
        pass
    with pytest.raises(AnalysisError, match="its folder does not exist"), publishing(tmp_path / "no" / "a.csv"):
        pass


def test_work_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), publishing(target) as sink:
        sink.write(b"half" * (1 // 0))
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_text() == "old"
