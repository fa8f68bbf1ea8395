"""Places are taken once, wait for each other, and are free when their process ends, however it ends."""

import select
import subprocess
import sys

from frequency_reg import places

TAKE = """
import sys, time
from pathlib import Path
from frequency_reg import places
print(places.claim(["a", "b"], folder=Path(sys.argv[1]), full=lambda: print("full", flush=True)), flush=True)
time.sleep(60)
"""


def take(folder):
    return subprocess.Popen([sys.executable, "-c", TAKE, str(folder)], stdout=subprocess.PIPE, text=True)


def test_places_are_taken_in_order_waited_for_and_freed_by_a_kill(tmp_path):
    first = take(tmp_path)
    assert first.stdout.readline() == "a\n"
    second = take(tmp_path)
    assert second.stdout.readline() == "b\n"
    third = take(tmp_path)
    assert third.stdout.readline() == "full\n"
    assert select.select([third.stdout], [], [], 0.5)[0] == [], "said once, and waiting"
    first.kill()
    first.wait()
    assert third.stdout.readline() == "a\n"
    for process in (first, second, third):
        process.kill()
        process.wait()
        process.stdout.close()


def test_memory_decides_how_many_sweeps_fit(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 24 * 2**30 // 4096}.get)
    assert places.sweeps_that_fit() == 12
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**30 // 4096}.get)
    assert places.sweeps_that_fit() == 1
