"""Sweep folders as runs and commands leave them, made without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from frequency_reg import manifest
from frequency_reg.manifest import Manifest
from frequency_reg.records import RunWriter


def name(seed: int, digits: str = "0a1b2c3d", regularizer: str = "weight_decay=0.001") -> str:
    """A run's folder name as :func:`frequency_reg.run_id.run_name` makes it."""
    return f"digits-resnet20-{regularizer}-seed={seed}-{digits}"


def write_run(directory: Path, status: str = "complete", detail: str | None = None, **row: Any) -> Path:
    """A run's folder with its record and its log; ``code`` is the version of the code that made it."""
    directory.mkdir(parents=True)
    complete = status == "complete"
    writer = RunWriter(directory, "id")
    writer.set_run(
        {
            "run_name": directory.name,
            "status": status,
            "status_detail": detail,
            "epoch": 3 if complete else 1,
            "validation_accuracy": 0.875,
            "clean_accuracy": 0.96875 if complete else None,
            "train_seconds": 20.0,
            "evaluate_seconds": 4.0 if complete else None,
            "config.epochs": 3,
            "provenance.source_digest": row.pop("code", "3fa9c2d1aaaaaaaa"),
            **row,
        }
    )
    writer.publish()
    (directory / ".lock").touch()
    (directory / "log.txt").write_text("trained\n")
    return directory


def plan(folder: Path, runs: list[str], arguments: tuple[str, ...] = ("-m", "seed=0,1,2"), **other: Any) -> Manifest:
    """Write the manifest of a command given two folders above the sweep's."""
    folder.mkdir(parents=True, exist_ok=True)
    command = Manifest(arguments, "../..", tuple(runs), **other)
    manifest.write(folder, command)
    return command
