"""The lock ends with its process; the sign says how far a run is; another host's sign counts while it beats."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from frequency_reg import presence
from frequency_reg.presence import Sign

HOLD = """
import sys, time
from pathlib import Path
from frequency_reg import presence
with presence.hold(Path(sys.argv[1])) as ours:
    ours.report(epoch=2, epochs=8, fraction=0.25)
    ours.report(epoch=3, epochs=8, fraction=0.375)
    time.sleep(1.5)
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_holder_is_seen_with_its_progress_and_gone_with_its_process(tmp_path, other):
    sign = presence.holder(tmp_path)
    assert (sign.host, sign.pid) == (socket.gethostname(), other.pid)
    assert (sign.epoch, sign.epochs, sign.fraction, sign.first_fraction) == (3, 8, 0.375, 0.25)
    with presence.hold(tmp_path) as ours:
        assert ours is None
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert presence.holder(tmp_path) is None
    with presence.hold(tmp_path) as ours:
        assert ours is not None


def test_nobody_leaves_no_sign(tmp_path):
    assert presence.holder(tmp_path) is None
    with presence.hold(tmp_path):
        assert presence.holder(tmp_path).pid == os.getpid()
    assert presence.holder(tmp_path) is None
    assert (tmp_path / ".lock").read_bytes() == b""


def test_time_left_is_at_the_speed_since_the_run_was_taken_up():
    # From 20% to 60% in 40 s is 1% a second: the remaining 40% take 40 s.
    sign = Sign("host", 1, started=1000.0, epoch=6, epochs=10, fraction=0.6, first_fraction=0.2)
    assert sign.seconds_left(1040.0) == pytest.approx(40.0)
    assert Sign("host", 1, started=1000.0).seconds_left(1040.0) is None


def write_foreign_sign(folder, age):
    (folder / ".lock").write_text(json.dumps({"host": "elsewhere", "pid": 7, "started": 0.0}))
    os.utime(folder / ".lock", (time.time() - age, time.time() - age))


def test_a_sign_of_another_host_counts_while_it_beats(tmp_path, monkeypatch):
    """Where the file system does not carry locks from host to host."""
    write_foreign_sign(tmp_path, age=1)
    assert presence.holder(tmp_path).host == "elsewhere"
    write_foreign_sign(tmp_path, age=100)
    assert presence.holder(tmp_path) is None

    monkeypatch.setattr(presence, "STALE_SECONDS", 0.3)
    write_foreign_sign(tmp_path, age=0)
    began = time.monotonic()
    with presence.hold(tmp_path) as ours:  # no beat in 0.3 s by our own clock: the host is gone
        assert ours is not None
    assert time.monotonic() - began >= 0.3

    write_foreign_sign(tmp_path, age=0)
    beats = subprocess.Popen(
        [sys.executable, "-c", f"import os,time\nwhile 1: os.utime({str(tmp_path / '.lock')!r}); time.sleep(.02)"]
    )
    try:
        time.sleep(0.5)
        with presence.hold(tmp_path) as ours:
            assert ours is None
    finally:
        beats.kill()
        beats.wait()


def test_a_reader_never_keeps_a_run_from_starting(tmp_path):
    """Fifty readers in a loop: every hold succeeds."""
    (tmp_path / ".lock").touch()
    code = "import sys; from pathlib import Path; from frequency_reg import presence\n"
    code += "while True: presence.holder(Path(sys.argv[1]))"
    readers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    try:
        time.sleep(0.5)
        for _ in range(50):
            with presence.hold(tmp_path) as ours:
                assert ours is not None
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
