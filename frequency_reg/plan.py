"""The plan of a command in words: how many runs, what differs between them, which are there already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from frequency_reg.compose import Plan
from frequency_reg.run_id import flat_config, identity, is_finished, run_directory

_WIDTH = 80


def describe(plan: Plan) -> str:
    """Lines for the terminal; runs nothing and writes nothing."""
    directories = {identity(config): run_directory(config) for config in plan.runs}
    finished = {run_id for run_id, directory in directories.items() if is_finished(directory, run_id)}
    missing = len(directories) - len(finished)
    first = next(iter(directories.values()))
    lines = [
        f"{_count(len(directories), 'run')} in {_relative(first.parent)}: {len(finished)} finished, {missing} to do"
    ]
    if len(plan.runs) > len(directories):
        lines.append(f"({_count(len(plan.runs) - len(directories), 'combination')} equal to another one left out)")
    for key, values in _differing(plan).items():
        lines.append(_clip(f"  {key}: {', '.join(values)}"))
    for number, (run_id, directory) in enumerate(directories.items(), start=1):
        state = "finished" if run_id in finished else "to do"
        lines.append(f"{number:5d}  {state:8}  {directory.name}")
    return "\n".join(lines)


def _differing(plan: Plan) -> dict[str, list[str]]:
    """Flat keys that take several values (a run that lacks a key does not count), with the values in order."""
    rows = [flat_config(config) for config in plan.runs]
    keys = dict.fromkeys(key for row in rows for key in row)
    values: dict[str, list[Any]] = {key: list(dict.fromkeys(row.get(key) for row in rows)) for key in keys}
    present = {key: [str(value) for value in found if value is not None] for key, found in values.items()}
    return {key: found for key, found in present.items() if len(found) > 1}


def _clip(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 4] + " ..."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")


def _relative(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
