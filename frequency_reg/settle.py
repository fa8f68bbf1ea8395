"""State how a run ended that could not state it itself: its process is gone, or it could not even be built."""

from __future__ import annotations

from pathlib import Path

from frequency_reg import presence
from frequency_reg.config import Config
from frequency_reg.outcome import Outcome
from frequency_reg.records import RecordsError, RunWriter, set_status
from frequency_reg.run_id import config_columns, identity, is_finished, recorded_run, run_directory


def settle(config: Config, status: str, detail: str, *, log: str = "") -> Outcome:
    """Record ``status`` as the end of the run, unless it is finished or another process has taken it up.

    What the run recorded before stays: only its status changes. A run that recorded nothing gets a row.

    Args:
        log: appended to the run's ``log.txt``.

    Raises:
        RecordsError: the run's directory cannot be written.
    """
    directory, run_id = run_directory(config), identity(config)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with presence.hold(directory) as ours:
            if ours is None:
                return Outcome(directory, "running", "another process is doing this run", skipped=True)
            if is_finished(directory, run_id):
                row = recorded_run(directory) or {}
                return Outcome(directory, str(row.get("status")), row.get("status_detail") or "")
            with (directory / "log.txt").open("a") as sink:
                sink.write(log or f"{status}: {detail}\n")
            _write_status(config, directory, run_id, status, detail)
    except OSError as error:
        raise RecordsError(
            f"{directory}: cannot be written ({error.strerror}). Choose another folder with outputs=PATH, "
            "or mend its permissions."
        ) from error
    return Outcome(directory, status, detail)


def _write_status(config: Config, directory: Path, run_id: str, status: str, detail: str) -> None:
    row = recorded_run(directory)
    if row is None or row["run_id"] != run_id:
        writer = RunWriter(directory, run_id)
        columns = config_columns(config)
        writer.set_run({"run_name": directory.name, "status": status, "status_detail": detail, "epoch": 0, **columns})
        writer.publish()
    else:
        set_status(directory, status, detail)
