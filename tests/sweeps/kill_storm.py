"""SIGKILL at random moments over small sweeps; nothing may be lost, doubled, unreadable or changed.

    python -m tests.sweeps.kill_storm [KILLS] [SEED]

Each round gives one command over and over in a fresh folder until every run is complete, while workers, the server that
they start from, the command's own process or all of them are killed. After each kill every Parquet file must be
readable; when the command's process has ended, the files of finished runs must be the ones they were; at the end of a
round there must be exactly the planned runs, with records bit-identical to an uninterrupted sweep's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from frequency_reg import presence, records
from frequency_reg.run_id import FINISHED, recorded_run
from tests.conftest import SMALL

ROOT = Path(__file__).resolve().parents[2]
RUNS = 4
ARGUMENTS = ["-m", *SMALL, "epochs=4", f"seed=range({RUNS})", "regularizer=dropout", "name=s"]
TARGETS = ("worker", "worker", "worker", "server", "command", "everything")


@dataclass
class Report:
    """What a storm did and found; every list of findings should be empty."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    rounds: int = 0
    unreadable: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    def findings(self) -> list[str]:
        return self.unreadable + self.changed + self.lost + self.different


def storm(folder: Path, kills: int, seed: int) -> Report:
    """Kill ``kills`` times below ``folder``."""
    dice, report = random.Random(seed), Report()
    with _command(folder / "reference") as whole:
        if whole.wait(timeout=600) != 0:
            raise RuntimeError("the uninterrupted sweep did not complete")
    expected = _digests(folder / "reference")
    while report.kills.total() < kills:
        report.rounds += 1
        _round(folder / f"round-{report.rounds}", kills, dice, report, expected)
    return report


def _round(folder: Path, kills: int, dice: random.Random, report: Report, expected: dict[str, str]) -> None:
    frozen: dict[Path, str] = {}
    code: int | None = -1
    while code != 0:
        report.starts += 1
        with _command(folder) as command:
            while command.poll() is None and report.kills.total() < kills:
                target = dice.choice(TARGETS)
                while target == "worker" and not _workers(folder) and command.poll() is None:
                    time.sleep(0.02)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    command.wait(timeout=dice.uniform(0, 1.0 if target == "worker" else 6.0))
                if command.poll() is None:
                    _kill(target, command.pid, folder, dice, report)
                    report.unreadable += _unreadable(folder)
            code = command.wait(timeout=600)
        report.changed += [f"{p}" for p, digest in frozen.items() if _hash(p) != digest]
        frozen |= {p: _hash(p) for run in _finished(folder) for p in run.glob("*.parquet")}
    found = _digests(folder)
    names = [path.name for path in (folder / "outputs" / "s").iterdir() if (path / "run.parquet").exists()]
    report.lost += sorted(set(expected) ^ set(names))
    report.different += [f"{folder}/{name}" for name in expected if found.get(name) != expected[name]]


@contextlib.contextmanager
def _command(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "command.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "frequency_reg", *ARGUMENTS],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _kill(target: str, command: int, folder: Path, dice: random.Random, report: Report) -> None:
    """One SIGKILL (for ``everything``: one to each process of the group); counted if it found somebody."""
    workers = _workers(folder)
    children = _children(command)
    victims = {
        "worker": [dice.choice(workers)] if workers else [],
        "server": [dice.choice(children)] if children else [],
        "command": [command],
        "everything": [command, *children, *(p for child in children for p in _children(child))],
    }[target]
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    report.kills[target] += bool(victims)


def _workers(folder: Path) -> list[int]:
    """Processes that do a run now."""
    signs = (presence.holder(run) for run in folder.glob("outputs/s/*"))
    return [sign.pid for sign in signs if sign is not None]


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _unreadable(folder: Path) -> list[str]:
    bad = []
    for file in folder.glob("outputs/s/*/*.parquet"):
        try:
            pq.ParquetFile(file).read()
        except FileNotFoundError:
            continue  # cleared by its run at this moment
        except Exception as error:
            bad.append(f"{file}: {error}")
    return bad


def _finished(folder: Path) -> list[Path]:
    runs = folder.glob("outputs/s/*")
    return [run for run in runs if (recorded_run(run) or {"status": ""})["status"] in FINISHED]


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "missing"


def _digests(folder: Path) -> dict[str, str]:
    return {run.name: records.content_digest(run) for run in _finished(folder)}


def main() -> None:
    """Print what a storm of the length given on the command line found; exit code 1 if that is anything."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kill-storm-") as folder:
        report = storm(Path(folder), kills, seed)
    seconds = time.monotonic() - began
    print(f"{report.kills.total()} kills {dict(report.kills)}, seed {seed}, {seconds:.0f} s")
    print(f"{report.starts} starts of {report.rounds} sweeps of {RUNS} runs")
    for name in ("lost", "changed", "unreadable", "different"):
        print(f"{name}: {len(getattr(report, name))}")
    print("\n".join(report.findings()))
    sys.exit(bool(report.findings()))


if __name__ == "__main__":
    main()
