"""What a sweep's folder holds, in words and as JSON: ``python -m sweeps status`` and ``list``."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from frequency_reg import manifest
from frequency_reg.progress import duration
from sweeps.display import clip
from sweeps.folder import DAMAGED, MISSING, RETRIED, Run, Sweep, shown

NAMED = 20
"""Runs that did not complete are named up to this number."""

_NOT_COMPLETE = (*RETRIED, "diverged")


def describe(sweeps: Sequence[Sweep], *, width: int = 80) -> str:
    """Where one sweep is, or a table of several; ``width`` columns, but paths and commands stay whole to be copied."""
    return _table(sweeps, width) if len(sweeps) > 1 else "\n".join(_describe(sweeps[0], width))


def list_runs(sweep: Sweep, statuses: Sequence[str] = (), *, width: int = 80) -> str:
    """One line a run, of those with one of ``statuses`` if any are given; names are clipped to ``width`` columns.

    ``valid %`` and ``test %`` are accuracies on the validation split after the last epoch and on the clean test set,
    which only a complete run has; ``train`` is the wall time of all epochs.
    """
    runs = [run for run in sweep.runs if not statuses or run.status in statuses]
    if not runs:
        return f"{shown(sweep.folder)}: no run is {' or '.join(statuses)}" if statuses else "no runs"
    rows = [("status", "epoch", "valid %", "test %", "train", "name")]
    for run in runs:
        row = run.row or {}
        accuracies = (_percent(row.get("validation_accuracy")), _percent(row.get("clean_accuracy")))
        seconds = row.get("train_seconds")
        rows.append((run.status, _epochs(run), *accuracies, duration(seconds) if seconds else "", run.name))
    return "\n".join(_aligned(rows, left=(0, 5), width=width))


# --- JSON ------------------------------------------------------------------------------------------------------------


def as_json(sweep: Sweep) -> dict[str, Any]:
    """What ``status --json`` prints for a sweep; of a folder of sweeps, ``{"path": ..., "sweeps": [these]}``.

    ``path``; ``planned``: runs that the commands mean, null where no command says; ``at_most``: a search among them may
    do fewer; ``complete``: all of them are; ``counts``: runs by status, every one of :data:`sweeps.folder.STATUSES`;
    ``unplanned``: runs that no command means; ``seconds_left``: null if unknown or if nothing runs; ``running``:
    ``name``, ``epoch``, ``epochs``, ``fraction``, ``seconds_left``, ``host``, ``pid`` of each; ``not_complete``:
    ``name``, ``status``, ``detail``, ``log`` of each diverged, failed, oom, timeout and killed run; ``damaged``:
    ``path``, ``reason``; ``code_versions``: finished runs by the digest of the code; ``commands``: those given so far.
    """
    return {
        "path": str(sweep.folder),
        "planned": sweep.planned,
        "at_most": sweep.search == "goes on",
        "complete": sweep.complete,
        "counts": sweep.counts,
        "unplanned": sum(run.planned is False for run in sweep.runs),
        "seconds_left": sweep.seconds_left,
        "running": [_running_as_json(run, sweep.now) for run in sweep.running],
        "not_complete": [
            {"name": run.name, "status": run.status, "detail": run.detail, "log": str(run.log)}
            for run in sweep.runs
            if run.status in _NOT_COMPLETE
        ],
        "damaged": [
            {"path": str(run.directory / "run.parquet"), "reason": run.detail}
            for run in sweep.runs
            if run.status == DAMAGED
        ],
        "code_versions": sweep.code_versions,
        "commands": [manifest.command(command) for command in sweep.commands],
    }


def run_as_json(run: Run) -> dict[str, Any]:
    """What ``list --json`` prints for a run in ``{"path": ..., "runs": [these]}``; accuracies are fractions."""
    row = run.row or {}
    epoch, epochs = run.progress
    return {
        "name": run.name,
        "path": str(run.directory),
        "status": run.status,
        "detail": run.detail,
        "planned": run.planned,
        "epoch": epoch,
        "epochs": epochs,
        "validation_accuracy": row.get("validation_accuracy"),
        "clean_accuracy": row.get("clean_accuracy"),
        "train_seconds": row.get("train_seconds"),
        "code_version": row.get("provenance.source_digest"),
    }


def _running_as_json(run: Run, now: float) -> dict[str, Any]:
    assert run.sign is not None
    return {
        "name": run.name,
        "epoch": run.sign.epoch,
        "epochs": run.sign.epochs,
        "fraction": run.sign.fraction,
        "seconds_left": run.sign.seconds_left(now),
        "host": run.sign.host,
        "pid": run.sign.pid,
    }


# --- text ------------------------------------------------------------------------------------------------------------


def _table(sweeps: Sequence[Sweep], width: int) -> str:
    rows = [("complete", "running", "missing", "other", "time left", "sweep")]
    for sweep in sweeps:
        counts, total = sweep.counts, sum(sweep.counts.values())
        complete, running, missing = counts["complete"], counts["running"], counts[MISSING]
        other = total - complete - running - missing
        cells = (str(running or "-"), str(missing or "-"), str(other or "-"), _left(sweep) if running else "-")
        rows.append((f"{complete}/{total}", *cells, shown(sweep.folder)))
    return "\n".join(_aligned(rows, left=(5,), width=width))


def _describe(sweep: Sweep, width: int) -> Iterator[str]:
    yield _headline(sweep)
    yield f"  {_listed(sweep.counts)}"
    if sweep.running:
        yield ""
        yield from _running(sweep, width)
    ended_badly = [run for run in sweep.runs if run.status in _NOT_COMPLETE and run.planned is not False]
    if ended_badly:
        yield ""
        yield from _failures(sweep, ended_badly, width)
    notes = list(_notes(sweep, width))
    if notes:
        yield ""
        yield from notes


def _headline(sweep: Sweep) -> str:
    if sweep.planned is None:
        runs = count(len(sweep.runs), "run")
    else:
        runs = f"{'at most ' if sweep.search == 'goes on' else ''}{count(sweep.planned, 'run')} planned"
    return f"{shown(sweep.folder)}: {runs}" + (f", {_left(sweep)} left" if sweep.running else "")


def _listed(counts: Mapping[str, int]) -> str:
    """``9 complete, 1 failed``, the good news first."""
    order = ("complete", "running", MISSING, "pruned", *_NOT_COMPLETE, DAMAGED)
    return ", ".join(f"{counts[status]} {status}" for status in order if counts.get(status))


def _running(sweep: Sweep, width: int) -> Iterator[str]:
    rows = [("running", "epoch", "share", "time left", "process")]
    for run in sweep.running:
        assert run.sign is not None
        left = run.sign.seconds_left(sweep.now)
        shares = (f"{run.sign.fraction:.0%}", "-" if left is None else duration(left))
        rows.append((run.name, _epochs(run), *shares, f"{run.sign.host}:{run.sign.pid}"))
    return _aligned(rows, left=(0, 4), width=width, clipped=0)


def _failures(sweep: Sweep, runs: Sequence[Run], width: int) -> Iterator[str]:
    for run in runs[:NAMED]:
        yield _clipped(f"{run.status}: {run.detail}", width)
        yield f"  {shown(run.log)}"
    if len(runs) > NAMED:
        statuses = ",".join(dict.fromkeys(run.status for run in runs))
        yield f"and {len(runs) - NAMED} more (python -m sweeps list {shown(sweep.folder)} --status {statuses})"


def _notes(sweep: Sweep, width: int) -> Iterator[str]:
    """What is to be known beyond the counts, and what can be done."""
    folder = shown(sweep.folder)
    for run in sweep.runs:
        if run.status == DAMAGED:
            yield f"damaged: {shown(run.directory / 'run.parquet')}"
            yield from _wrapped(f"  {run.detail}; the same command repeats the run", width)
    if sweep.unreadable:
        yield f"{count(sweep.unreadable, 'manifest')} in {folder}/{manifest.FOLDER} cannot be read"
    if len(sweep.code_versions) > 1:
        listed = ", ".join(f"{n} by {digest[:8]}" for digest, n in sweep.code_versions.items())
        yield from _wrapped(
            f"finished runs made by different versions of the code: {listed}. What differs between them may come from "
            "that; delete a run's folder and give the command again to repeat it.",
            width,
        )
    others = Counter(run.status for run in sweep.runs if run.planned is False)
    if others:
        yield from _wrapped(
            f"besides, {count(others.total(), 'run')} that no command here means ({_listed(others)}): of another "
            f"command or an earlier version of the configuration. python -m sweeps clean {folder} --unplanned",
            width,
        )
    if sweep.commands and any(sweep.counts[status] for status in RETRIED):
        yield f"to repeat what failed: python -m sweeps retry {folder}"
    if sweep.counts[MISSING] and not sweep.running:
        yield "nothing runs now; to go on:"
        yield from (f"  {manifest.command(command)}" for command in sweep.commands)


def _left(sweep: Sweep) -> str:
    return "unknown time" if sweep.seconds_left is None else duration(sweep.seconds_left)


def _epochs(run: Run) -> str:
    epoch, epochs = run.progress
    return "" if epoch is None else f"{epoch}/{'?' if epochs is None else epochs}"


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.1f}"


def count(n: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _clipped(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def _wrapped(text: str, width: int) -> list[str]:
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ")
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return wrapper.wrap(text)


def _aligned(rows: Sequence[tuple[str, ...]], *, left: tuple[int, ...], width: int, clipped: int = -1) -> Iterator[str]:
    """Columns two blanks apart, right-aligned but for those in ``left``; column ``clipped`` gives way to ``width``."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[clipped] = max(min(widths[clipped], width - sum(widths) + widths[clipped] - 2 * (len(widths) - 1)), 12)
    for row in rows:
        cells = [clip(cell, wide) for cell, wide in zip(row, widths, strict=True)]
        aligned = [f"{c:{w}}" if i in left else f"{c:>{w}}" for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        yield "  ".join(aligned).rstrip()
