"""The plan of a command in words: how many runs, what differs between them, which are there already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from frequency_reg.compose import Plan
from frequency_reg.config import Config
from frequency_reg.progress import duration
from frequency_reg.run_id import (
    config_columns,
    flat_config,
    identity,
    is_finished,
    meant_before,
    recorded_run,
    run_directory,
)
from frequency_reg.search_space import Parameter, SearchSpace

_WIDTH = 80
_SAMPLED = 100
_CHANGES_SHOWN = 3
_TAIL = len("-12345678")


def describe(plan: Plan) -> str:
    """Lines for the terminal; runs nothing and writes nothing."""
    return _describe_search(plan, plan.search) if plan.search else _describe_runs(plan)


def _describe_search(plan: Plan, space: SearchSpace) -> str:
    folder = _relative(run_directory(plan.runs[0]).parent)
    runs = plan.trials * plan.seeds
    lines = [f"search of {_count(plan.trials, 'trial')} x {_count(plan.seeds, 'seed')} in {folder}"]
    lines.append(f"cost: at most {_count(runs, 'run')}, {runs * max(config.epochs for config in plan.runs):,} epochs")
    lines += [_clip(f"  {parameter.name}: {_range(parameter)}") for parameter in (*space.groups, *space.values)]
    return "\n".join(lines)


def _range(parameter: Parameter) -> str:
    if parameter.kind == "categorical":
        return ", ".join(parameter.choices)
    step = "" if parameter.step is None else f" in steps of {parameter.step:g}"
    return f"{parameter.low:g} to {parameter.high:g}{step}{', logarithmic' if parameter.log else ''}"


def _describe_runs(plan: Plan) -> str:
    directories = {identity(config): run_directory(config) for config in plan.runs}
    finished = {run_id for run_id, directory in directories.items() if is_finished(directory, run_id)}
    missing = len(directories) - len(finished)
    first = next(iter(directories.values()))
    lines = [
        f"{_count(len(directories), 'run')} in {_relative(first.parent)}: {len(finished)} finished, {missing} to do"
    ]
    lines.append(_cost(plan, finished))
    if len(plan.runs) > len(directories):
        lines.append(f"({_count(len(plan.runs) - len(directories), 'combination')} equal to another one left out)")
    for key, values in _differing(plan).items():
        lines.append(_clip(f"  {key}: {', '.join(values)}"))
    lines += notices(plan)
    for number, (run_id, directory) in enumerate(directories.items(), start=1):
        state = "finished" if run_id in finished else "to do"
        lines.append(f"{number:5d}  {state:8}  {directory.name}")
    return "\n".join(lines)


def notices(plan: Plan) -> list[str]:
    """What stands in the folders beside planned runs under the same name: runs of another configuration.

    A default that changed, or another version of the package, makes other runs; they are never taken for each other,
    and that is said, with the keys that changed.
    """
    if plan.search:
        return []  # its runs are not known yet
    planned = {run_directory(config): config for config in plan.runs}
    namesakes: dict[str, Config] = {d.name[:-_TAIL]: c for d, c in planned.items() if not d.exists()}
    changed: Counter[str] = Counter()
    folders = {directory.parent for directory in planned}
    for directory in (d for folder in folders if folder.is_dir() for d in sorted(folder.iterdir())):
        config = namesakes.get(directory.name[:-_TAIL])
        if config is not None and directory not in planned:
            row = recorded_run(directory)
            if row is not None:
                changed[_changes(row, config_columns(config))] += 1
    return [
        f"note: {_count(n, 'run')} here with the name of a planned one, but {what}; left alone and not counted"
        for what, n in changed.items()
    ]


def _changes(row: Mapping[str, Any], planned: Mapping[str, Any]) -> str:
    recorded = {key: value for key, value in row.items() if key.startswith("config.")}
    keys = [
        key
        for key, value in planned.items()
        if recorded.get(key) != value and not (key not in recorded and meant_before(key.removeprefix("config."), value))
    ]
    keys += [key for key in recorded if key not in planned and recorded[key] is not None]
    if not keys:
        return f"made by version {row.get('provenance.package_version')} of frequency-reg"
    pairs = [f"{k.removeprefix('config.')} {recorded.get(k)}, now {planned.get(k)}" for k in keys[:_CHANGES_SHOWN]]
    more = f" and {len(keys) - _CHANGES_SHOWN} more keys" if len(keys) > _CHANGES_SHOWN else ""
    return f"with {'; '.join(pairs)}{more}"


def _cost(plan: Plan, finished: Collection[str]) -> str:
    """Epochs that remain; where runs of this folder are finished, the time at their mean seconds an epoch."""
    configs = {identity(config): config for config in plan.runs}
    epochs = sum(config.epochs for run_id, config in configs.items() if run_id not in finished)
    rows = [recorded_run(run_directory(configs[run_id])) or {} for run_id in list(finished)[:_SAMPLED]]
    seconds = sum((row.get("train_seconds") or 0) + (row.get("evaluate_seconds") or 0) for row in rows)
    trained = sum(row.get("epoch") or 0 for row in rows)
    text = f"cost: {epochs:,} epochs to train"
    if not epochs or not trained:
        return text
    return f"{text}, {duration(epochs * seconds / trained)} in one process at the finished runs' speed"


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
