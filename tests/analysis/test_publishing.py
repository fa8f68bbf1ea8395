"""Files of the analysis appear whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from analysis.load import AnalysisError
from analysis.publishing import check_target, publish


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")

    def full(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AnalysisError, match=r"a\.csv: could not be written \(No space left on device\)"):
        publish(target, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("refuse", [check_target, lambda target: publish(target, b"")])
def test_folders_are_no_files(tmp_path: Path, refuse: object) -> None:
    with pytest.raises(AnalysisError, match=r"is a folder\. Give a file: -o FILE\."):
        refuse(tmp_path)  # type: ignore[operator]
    with pytest.raises(AnalysisError, match="its folder does not exist"):
        refuse(tmp_path / "no" / "a.csv")  # type: ignore[operator]


def test_a_folder_that_takes_no_file_is_told_before_any_work() -> None:
    with pytest.raises(AnalysisError, match=r"^/proc/a\.html: could not be written \("):
        check_target(Path("/proc/a.html"))


def test_a_file_keeps_its_mode_and_a_link_leads_on(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.csv", tmp_path / "b.csv"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    check_target(link)
    publish(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.csv", "b.csv", "real"]
    publish(tmp_path / "c.csv", b"")
    assert (tmp_path / "c.csv").stat().st_mode & 0o777 == 0o644


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    check_target(pipe)
    publish(pipe, b"content")
    reader.join()
    assert found == [b"content"]
    assert pipe.is_fifo()


def test_a_device_stays_a_device() -> None:
    check_target(Path("/dev/null"))
    publish(Path("/dev/null"), b"content")
    assert Path("/dev/null").is_char_device()
