"""Arrays are made once, shared, whole or absent, and never take more than their limit."""

import errno
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from frequency_reg import array_cache
from frequency_reg.array_cache import ArrayCache

U8 = np.dtype(np.uint8)


@pytest.fixture(autouse=True)
def _tiny_arrays_count(monkeypatch):
    monkeypatch.setattr(array_cache, "SMALLEST", 1)


def ramp(start=0):
    """(4, 25) in two unequal blocks."""
    values = np.arange(start, start + 100, dtype=np.uint8).reshape(4, 25)
    return lambda: iter([values[:3], values[3:]])


def never():
    raise AssertionError("made although it is there")


def test_what_was_made_once_is_read_after_that(tmp_path):
    cache = ArrayCache(tmp_path, 1000)
    first = cache.array("a0", (4, 25), U8, ramp())
    again = ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, never)
    assert first.tolist() == again.tolist() == np.arange(100).reshape(4, 25).tolist()
    again[:] = 0  # a private map
    assert ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, never)[3, 24] == 99
    assert ArrayCache(tmp_path, 1000).array("b0", (4, 25), U8, ramp(5))[0, 0] == 5


@pytest.mark.parametrize(("smallest", "limit"), [(1, 0), (1, 99), (101, 1000)])
def test_too_large_and_too_small_arrays_are_left_to_the_caller(tmp_path, monkeypatch, smallest, limit):
    monkeypatch.setattr(array_cache, "SMALLEST", smallest)
    assert ArrayCache(tmp_path, limit).array("a0", (4, 25), U8, never) is None
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_is_made_anew_with_one_warning(tmp_path, caplog):
    ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, ramp())
    os.truncate(tmp_path / "a0.raw", 99)
    assert ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, ramp())[3, 24] == 99
    assert [r.message for r in caplog.records] == [
        f"{tmp_path}/a0.raw is damaged (99 bytes, expected 100); it is made anew"
    ]
    assert (tmp_path / "a0.raw").stat().st_size == 100


def test_a_folder_that_cannot_be_made_is_one_warning(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = ArrayCache(tmp_path / "file" / "corrupted", 1000)
    assert cache.array("a0", (4, 25), U8, ramp()) is None
    assert cache.array("b0", (4, 25), U8, ramp()) is None
    (record,) = caplog.records
    assert f"cannot write the cache of corrupted images in {cache.folder} (Not a directory)" in record.message
    assert "Set FREQUENCY_REG_CACHE to a folder with room" in record.message


def test_a_full_disk_is_one_warning_and_leaves_nothing(tmp_path, monkeypatch, caplog):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(array_cache.os, "fsync", full)
        cache = ArrayCache(tmp_path, 1000)
        assert cache.array("a0", (4, 25), U8, ramp()) is None
        assert cache.array("b0", (4, 25), U8, ramp()) is None
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
    assert list(tmp_path.glob("*.raw")) + list(tmp_path.glob("*.tmp")) == []


def test_a_reserved_file_has_its_room_on_the_disk(tmp_path):
    size = 3 * 2**20
    seen = []

    def blocks():
        taken = (tmp_path / "a0.tmp").stat()
        seen.append((taken.st_size, taken.st_blocks * 512 >= size))
        return [np.zeros(size, U8)]

    ArrayCache(tmp_path, size).array("a0", (size,), U8, blocks)
    assert seen == [(size, True)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP, None])
def test_a_system_that_reserves_nothing_gives_the_length(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "refused")

    if number is None:
        monkeypatch.delattr(array_cache.os, "posix_fallocate")
    else:
        monkeypatch.setattr(array_cache.os, "posix_fallocate", refuse)
    assert ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, ramp())[3, 24] == 99


def test_the_disk_is_never_filled(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(array_cache, "SPARE", 2**60)
    assert ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, never) is None
    assert "GiB of the disk would stay free" in caplog.text


@pytest.mark.parametrize("wrong", [[np.zeros(99, U8)], [np.zeros(101, U8)], []])
def test_blocks_of_another_size_are_an_error_and_leave_nothing(tmp_path, wrong):
    with pytest.raises(ValueError, match=rf"a0\.raw: blocks of {sum(map(len, wrong))} bytes together, expected 100"):
        ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, lambda: wrong)
    assert list(tmp_path.glob("a0*")) == []


def test_what_make_raises_is_passed_on_and_leaves_nothing(tmp_path):
    def failing():
        yield np.zeros(50, U8)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, failing)
    assert list(tmp_path.glob("a0*")) == []


def test_concurrent_callers_make_it_once(tmp_path):
    made, found = [], []

    def slow():
        made.append(threading.get_ident())
        for block in ramp()():
            time.sleep(0.05)
            yield block

    def ask():
        found.append(ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, slow))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert [int(each.sum()) for each in found] == [4950] * 4


def test_a_killed_maker_blocks_nobody(tmp_path):
    code = f"""
import os, signal, numpy as np
from pathlib import Path
from frequency_reg import array_cache
array_cache.SMALLEST = 1
def make():
    yield np.full(75, 7, np.uint8)
    os.kill(os.getpid(), signal.SIGKILL)
array_cache.ArrayCache(Path({str(tmp_path)!r}), 1000).array("a0", (4, 25), np.dtype(np.uint8), make)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert (tmp_path / "a0.tmp").exists()
    assert not (tmp_path / "a0.raw").exists()
    assert ArrayCache(tmp_path, 1000).array("a0", (4, 25), U8, ramp())[3, 24] == 99
    assert not (tmp_path / "a0.tmp").exists()


def filled(folder, ages):
    """A cache of 300 bytes with arrays of 100, last read so many seconds ago."""
    for key, age in ages.items():
        ArrayCache(folder, 300).array(key, (4, 25), U8, ramp())
        os.utime(folder / f"{key}.raw", (time.time() - age,) * 2)
    return ArrayCache(folder, 300)


def names(folder):
    return sorted(path.stem for path in folder.glob("*.raw"))


def test_the_longest_unread_goes_first_and_no_more_than_need_be(tmp_path):
    cache = filled(tmp_path, {"a0": 9000, "b0": 20000, "c0": 8000})
    assert cache.array("d0", (4, 25), U8, ramp()) is not None
    assert names(tmp_path) == ["a0", "c0", "d0"]
    cache.array("a0", (4, 25), U8, never)  # read now: c0 is older
    cache.array("e0", (4, 25), U8, ramp())
    assert names(tmp_path) == ["a0", "d0", "e0"]


def test_what_was_read_lately_stays_and_the_new_one_is_not_kept(tmp_path, caplog):
    cache = filled(tmp_path, {"a0": 10, "b0": 9000, "c0": 10})
    assert cache.array("d0", (8, 25), U8, never) is None  # 200 bytes, and only 100 are unread
    assert names(tmp_path) == ["a0", "b0", "c0"]
    assert caplog.records == []
    assert cache.array("d0", (4, 25), U8, ramp()) is not None
    assert names(tmp_path) == ["a0", "c0", "d0"]


def test_what_a_killed_maker_left_counts_and_goes_when_it_is_old(tmp_path):
    cache = filled(tmp_path, {"a0": 10, "b0": 10})
    left = tmp_path / "f0.tmp"
    left.write_bytes(bytes(100))
    assert cache.array("d0", (4, 25), U8, never) is None
    os.utime(left, (0, 0))
    assert cache.array("d0", (4, 25), U8, ramp()) is not None
    assert not left.exists()
