"""Many processes write runs of one folder while others read it: none lost, none doubled, none damaged."""

import multiprocessing
import time
from collections import Counter
from pathlib import Path

import pytest

from frequency_reg import presence, records
from frequency_reg.records import RunWriter, read
from tests.records.written import EPOCHS

EPOCHS_EACH = 3
"""So often each run is published: running, after its first epoch, complete."""


def write(root: Path, writer: int, runs: int) -> None:
    for number in range(runs):
        name = f"{writer}-{number}"
        folder = root / name
        folder.mkdir()
        with presence.hold(folder):
            out = RunWriter(folder, name)
            for epoch in range(EPOCHS_EACH):
                out.add("epochs", {**EPOCHS, "epoch": [epoch], "train_seconds": 1.0})
                status = "complete" if epoch == EPOCHS_EACH - 1 else "running"
                out.set_run({"run_name": name, "status": status, "epoch": epoch})
                out.publish()


def look(root: Path, done: "multiprocessing.synchronize.Event", problems: "multiprocessing.Queue[str]") -> None:
    """Read over and over; what was seen once must be seen again, whole."""
    before: set[str] = set()
    looks = 0
    while not done.is_set() or looks == 0:
        try:
            found = read(root)
        except records.RecordsError as error:  # nothing is there yet
            if before:
                problems.put(str(error))
            continue
        looks += 1
        seen = Counter(found["run"]["run_id"].to_pylist())
        wrong = [f"{damage.path}: {damage.reason}" for damage in found.damaged]
        wrong += [f"{name} lost" for name in before - set(seen)]
        wrong += [f"{name} doubled" for name, count in seen.items() if count > 1]
        for text in wrong:
            problems.put(text)
        before = set(seen)
    problems.put("")  # the end


@pytest.mark.parametrize(
    ("processes", "runs"), [(3, 25), pytest.param(16, 200, marks=pytest.mark.slow, id="16 writers of 200 runs")]
)
def test_writers_beside_readers_lose_double_and_damage_nothing(tmp_path, processes, runs):
    context = multiprocessing.get_context("spawn")
    done, problems = context.Event(), context.Queue()
    readers = [context.Process(target=look, args=(tmp_path, done, problems)) for _ in range(processes)]
    writers = [context.Process(target=write, args=(tmp_path, n, runs)) for n in range(processes)]
    for process in [*readers, *writers]:
        process.start()
    for process in writers:
        process.join()
    done.set()
    ended, said = 0, []
    deadline = time.monotonic() + 300
    while ended < processes and time.monotonic() < deadline:
        text = problems.get(timeout=300)
        ended += text == ""
        said += [text] if text else []
    for process in readers:
        process.join()
    assert said == []
    assert [process.exitcode for process in [*readers, *writers]] == [0] * (2 * processes)
    found = read(tmp_path)
    assert found.damaged == ()
    expected = Counter(f"{n}-{i}" for n in range(processes) for i in range(runs))
    assert Counter(found["run"]["run_id"].to_pylist()) == expected
    assert set(found["run"]["status"].to_pylist()) == {"complete"}
    assert len(found["epochs"]) == EPOCHS_EACH * processes * runs
