"""What a search found: the best trial or the Pareto front as text, and every trial as a table of the records' kind."""

from __future__ import annotations

import contextlib
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from frequency_reg.records import RecordsError, field, read_table, write_table
from frequency_reg.search_space import Value
from sweeps.objective import Objective
from sweeps.study import Result, Trial

FILE = "trials.parquet"
_WIDTH = 80
_LEAST_VARIED = 26

SCHEMA = pa.schema(
    [
        field("search", pa.string(), "12 hex digits of what decides a search's suggestions; a folder may hold several"),
        field("asked", pa.int32(), "trials that it was to do; more than it did where the sampler had none left"),
        field("trial", pa.int32(), "number of the trial, in the order of suggestion, from 0 on"),
        field("state", pa.string(), "COMPLETE, PRUNED or FAIL"),
        field("detail", pa.string(), "why the trial was pruned or failed; NULL if it is complete"),
        field("parameters", pa.string(), "suggested values by key, as JSON; a choice is the text behind ="),
        field("runs", pa.string(), "names of the trial's run directories, one for each seed, as JSON"),
        field("objective", pa.string(), "what was to be made large or small; measured on validation data"),
        field("direction", pa.string(), "maximize or minimize"),
        field("value", pa.float64(), "mean of the objective over the seeds; NULL unless the trial is complete"),
        field("n", pa.int32(), "runs that the value is a mean of, one for each seed", unit="run"),
        field("on_front", pa.bool_(), "no other trial is better in one objective and as good in the others"),
    ]
)
"""One row for each trial and objective."""


def publish(folder: Path, result: Result, search: str) -> None:
    """Write the trials of a search at its end into ``folder``, beside those of other searches, in place of its own.

    Raises:
        RecordsError: the table cannot be written.
    """
    path, found = folder / FILE, trials_table(result, search)
    with contextlib.suppress(RecordsError, pa.ArrowException, KeyError):  # none there, or not to be read: made anew
        others = read_table(path).select(SCHEMA.names).cast(SCHEMA)
        found = pa.concat_tables([others.filter(pc.not_equal(others["search"], search)), found])
    write_table(path, found)


def trials_table(result: Result, search: str) -> pa.Table:
    """Every told trial of the search of that identity, in long format (:data:`SCHEMA`)."""
    asked = len(result.trials) if result.interrupted else result.settings.n_trials
    rows = [
        {
            "search": search,
            "asked": asked,
            "trial": trial.number,
            "state": trial.state,
            "detail": trial.detail or None,
            "parameters": json.dumps(trial.parameters),
            "runs": json.dumps([run.directory.name for run in trial.runs]),
            "objective": goal.name,
            "direction": goal.direction,
            "value": trial.values.get(goal.name),
            "n": len(trial.runs) if trial.values else 0,
            "on_front": trial.number in result.front,
        }
        for trial in result.trials
        for goal in result.settings.goals
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def describe(result: Result) -> str:
    """The best trials in at most 80 columns, and how many trials there were of what state."""
    lines = [_summary(result)]
    best = [trial for trial in result.trials if trial.number in result.front]
    if best:
        goals = result.settings.goals
        complete = sum(trial.state == "COMPLETE" for trial in result.trials)
        of = f"{len(best)} of {complete} complete trial{'s' * (complete != 1)}"
        lines.append(f"Pareto front, {of}:" if len(goals) > 1 else f"best trial{'s' * (len(best) > 1)}:")
        sign = -1 if goals[0].direction == "maximize" else 1
        lines += _table(sorted(best, key=lambda t: (sign * t.values[goals[0].name], t.number)), goals)
    return "\n".join(lines)


def _summary(result: Result) -> str:
    counts = Counter(trial.state for trial in result.trials)
    said = f"{counts['COMPLETE']} complete, {counts['PRUNED']} pruned, {counts['FAIL']} failed"
    trials = f"{len(result.trials)} trial{'s' * (len(result.trials) != 1)}: {said}"
    return f"{trials}; {result.settings.n_trials} asked for, {result.stopped}" if result.stopped else trials


def _table(trials: Sequence[Trial], goals: Sequence[Objective]) -> Iterator[str]:
    names = [f"{goal.name} ({goal.direction})" for goal in goals]
    if sum(len(name) + 2 for name in names) + len("trial  runs  ") + _LEAST_VARIED > _WIDTH:
        letters = [chr(ord("A") + place) for place in range(len(names))]
        yield from (f"  {letter} = {name}" for letter, name in zip(letters, names, strict=True))
        names = letters
    numbers = [["trial", *names, "runs"]]
    numbers += [[str(t.number), *(f"{t.values[g.name]:#.4g}" for g in goals), str(len(t.runs))] for t in trials]
    widths = [max(map(len, column)) for column in zip(*numbers, strict=True)]
    left = [" ".join(f"{cell:>{width + 1}}" for cell, width in zip(row, widths, strict=True)) for row in numbers]
    room = max(_WIDTH - len(left[0]) - 2, _LEAST_VARIED)
    short = _short_names([key for trial in trials for key in trial.parameters])
    yield f"{left[0]}  varied"
    for text, trial in zip(left[1:], trials, strict=True):
        varied = " ".join(f"{short[key]}={_short(value)}" for key, value in trial.parameters.items())
        first, *more = textwrap.wrap(varied, room, break_on_hyphens=False) or [""]
        yield f"{text}  {first}"
        yield from (f"{'':{len(text)}}  {line}" for line in more)


def _short_names(keys: Sequence[str]) -> Mapping[str, str]:
    """Keys without what stands before their last dot, where that is clear."""
    ends = Counter(key.rpartition(".")[2] for key in dict.fromkeys(keys))
    return {key: key.rpartition(".")[2] if ends[key.rpartition(".")[2]] == 1 else key for key in keys}


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
