"""``python -m frequency_reg.tracker TRACKER PATH [KEY=VALUE ...]``: mirror runs that are over, from their records.

Exit codes: 0 every run is mirrored; 1 some are not; 2 bad input.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from frequency_reg.compose import make_plan
from frequency_reg.config import ConfigError, instantiate
from frequency_reg.records import RecordsError, read, run_directories
from frequency_reg.tracker.base import Origin, Tracker, columns_of, reason

_CONFIG = "config."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Mirror every run at or below PATH that no process is doing."""
    parser = argparse.ArgumentParser(
        prog="python -m frequency_reg.tracker", description="Mirror runs that are over, from their records."
    )
    parser.add_argument("tracker", metavar="TRACKER", help="tensorboard or mlflow: an option of conf/tracker")
    parser.add_argument("path", metavar="PATH", type=Path, help="a run's folder, or one above such as outputs/NAME")
    parser.add_argument("settings", metavar="KEY=VALUE", nargs="*", help="of the tracker, such as layers=all")
    options = parser.parse_args(arguments)
    try:
        tracker = _tracker(options.tracker, options.settings)
        directories = _runs(options.path)
    except (ConfigError, RecordsError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    mirrored = sum(_mirrored(tracker, directory) for directory in directories)
    sys.exit(0 if mirrored == len(directories) else 1)


def _tracker(name: str, settings: Sequence[str]) -> Tracker:
    overrides = [f"tracker.{name}.{setting}" for setting in settings]
    plan = make_plan([f"tracker=[{name}]", *overrides], multirun=False)
    tracker: Tracker = instantiate(plan.runs[0].tracker[name])
    return tracker


def _runs(path: Path) -> list[Path]:
    directories = run_directories(path.absolute())
    if not directories:
        raise RecordsError(f"{path}: no records here; give a run's folder or a sweep's, such as outputs/NAME")
    return directories


def _mirrored(tracker: Tracker, directory: Path) -> bool:
    """Mirror the run in ``directory``; says what becomes of it in one line."""
    try:
        tables = read(directory)
        rows = tables["run"].to_pylist()
        if tables.damaged or not rows:
            files = ", ".join(damage.path.name for damage in tables.damaged)
            print(f"not mirrored: {directory}: cannot be read: {files}", file=sys.stderr)
            return False
        if rows[0]["status"] == "running":
            print(f"not mirrored: {directory}: a process is doing this run", file=sys.stderr)
            return False
        tracker.start(origin(directory, rows[0]))
        for name, table in tables.items():
            if name != "run" and len(table):
                tracker.rows(name, columns_of(table.to_pylist()))
        tracker.end(rows[0])
    except Exception as error:
        print(f"not mirrored: {directory}: {reason(error)}", file=sys.stderr)
        return False
    finally:
        tracker.close()
    print(f"mirrored: {directory.name}: {rows[0]['status']}")
    return True


def origin(directory: Path, row: Mapping[str, Any]) -> Origin:
    """The run that a row of the ``run`` table tells of."""
    config = {name.removeprefix(_CONFIG): value for name, value in row.items() if name.startswith(_CONFIG)}
    recorded = row.get("provenance.recorded_at")
    started = datetime.datetime.fromisoformat(recorded).timestamp() if recorded else 0.0
    return Origin(run_id=row["run_id"], directory=directory, config=config, started=started)


if __name__ == "__main__":
    main()
