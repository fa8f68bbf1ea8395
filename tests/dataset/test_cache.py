from __future__ import annotations

import logging
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from frequency_reg.dataset.base import DataError, Decoded
from frequency_reg.dataset.cache import cache_folder, cached


def some_content(value: int = 3) -> Decoded:
    images, labels = np.full((4, 1, 2, 2), value, np.uint8), np.arange(4)
    return Decoded.of(images, labels, images[:2], labels[:2])


def never() -> Decoded:
    raise AssertionError("decoded again")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(b"source")
    return path


def only_folder(cache: Path) -> Path:
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    return folder


def test_second_call_reads_what_the_first_wrote(cache: Path, source: Path) -> None:
    first = cached("numbers", [source], some_content)
    second = cached("numbers", [source], never)
    assert second.digest == first.digest == some_content().digest
    for name, array in some_content().arrays.items():
        np.testing.assert_array_equal(second.arrays[name], array)
    assert only_folder(cache).name.startswith("numbers-")


@pytest.mark.usefixtures("cache")
def test_arrays_are_private_memory_maps(source: Path) -> None:
    tensor = torch.from_numpy(cached("numbers", [source], some_content).arrays["train_images"])
    assert isinstance(cached("numbers", [source], never).arrays["train_images"], np.memmap)
    tensor.zero_()  # copy on write: neither the file nor another reader sees it
    assert cached("numbers", [source], never).arrays["train_images"].max() == 3


@pytest.mark.usefixtures("cache")
def test_a_changed_source_or_another_name_is_decoded_again(source: Path) -> None:
    cached("numbers", [source], some_content)
    assert cached("letters", [source], lambda: some_content(4)).arrays["train_images"].max() == 4
    os.utime(source, ns=(0, 0))
    assert cached("numbers", [source], lambda: some_content(5)).arrays["train_images"].max() == 5


@pytest.mark.parametrize("damage", ["truncated", "missing", "no sizes", "not JSON"])
def test_a_damaged_cache_is_rebuilt(cache: Path, source: Path, damage: str) -> None:
    cached("numbers", [source], some_content)
    folder = only_folder(cache)
    if damage == "truncated":
        os.truncate(folder / "train_images.npy", 130)
    elif damage == "missing":
        (folder / "test_labels.npy").unlink()
    else:
        (folder / "content.json").write_text("{}" if damage == "no sizes" else "{")
    assert cached("numbers", [source], lambda: some_content(6)).arrays["train_images"].max() == 6
    assert cached("numbers", [source], never).arrays["train_images"].max() == 6


def test_what_a_killed_process_left_is_cleared(cache: Path, source: Path) -> None:
    cached("numbers", [source], some_content)
    folder = only_folder(cache)
    left = folder.with_name(f"{folder.name}.tmp-1")
    folder.rename(left)  # a process died before its rename
    cached("numbers", [source], some_content)
    assert not left.exists()
    assert folder.is_dir()


def test_errors_of_decoding_pass_and_leave_nothing(cache: Path, source: Path) -> None:
    def fail() -> Decoded:
        raise DataError("row 3 is damaged")

    with pytest.raises(DataError, match="row 3 is damaged"):
        cached("numbers", [source], fail)
    assert not any(path.is_dir() for path in cache.iterdir())
    assert cached("numbers", [source], some_content).digest == some_content().digest


def test_an_unwritable_cache_warns_once_and_decodes_in_memory(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FREQUENCY_REG_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        assert cached("numbers", [source], some_content).digest == some_content().digest
    (record,) = caplog.records
    assert "cannot write the cache of decoded images" in record.getMessage()
    assert "Not a directory" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_full_disk_warns_and_leaves_nothing_behind(
    cache: Path, source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cached("numbers", [source], some_content).digest == some_content().digest
    assert "No space left on device" in caplog.text
    assert not any(path.is_dir() for path in cache.iterdir())


def slow_content(log: Path) -> Decoded:
    with log.open("a") as file:
        file.write("decoded\n")
    time.sleep(0.3)
    return some_content()


def one_reader(source: Path, log: Path) -> None:
    assert cached("numbers", [source], lambda: slow_content(log)).digest == some_content().digest


@pytest.mark.usefixtures("cache")
def test_of_many_readers_one_decodes(tmp_path: Path, source: Path) -> None:
    # flock also keeps threads apart that opened the lock file each on their own.
    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(one_reader, source, tmp_path / "log") for _ in range(4)]:
            result.result()
    assert (tmp_path / "log").read_text() == "decoded\n"


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_of_many_processes_one_decodes(tmp_path: Path, source: Path) -> None:
    # Spawn, not fork: a fork of a process that runs torch's threads is not safe.
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=one_reader, args=(source, tmp_path / "log")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text() == "decoded\n"


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FREQUENCY_REG_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("FREQUENCY_REG_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "frequency-reg"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "frequency-reg"
