"""What was planned for a sweep's folder: one small JSON file for each command that was started in it.

``outputs/NAME/.sweeps/<digest of the command>.json`` lets a status say how many runs are missing, and lets a retry
repeat the command. It holds no absolute path: the folder may be copied.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydantic

from frequency_reg.records import write_file

FOLDER = ".sweeps"


@dataclass(frozen=True)
class Manifest:
    """One command and what it means.

    Attributes:
        arguments: of ``frequency-reg``, as given.
        directory: where the command was started, relative to the sweep's folder.
        runs: names of the run folders that it means, in order; a search does not know them beforehand.
        trials: of a search, each done for every one of ``seeds``; 0 if the command is no search.
        seeds: runs of each trial.
    """

    arguments: tuple[str, ...]
    directory: str
    runs: tuple[str, ...]
    trials: int = 0
    seeds: int = 1

    @property
    def planned(self) -> int:
        """Runs that the command means; of a search, at most."""
        return self.trials * self.seeds or len(self.runs)


def write(folder: Path, manifest: Manifest) -> Path:
    """Publish ``manifest`` in the sweep's ``folder`` and return its file; the same command replaces its own.

    Raises:
        RecordsError: the folder cannot be written.
    """
    text = json.dumps(dataclasses.asdict(manifest), indent=0)
    name = hashlib.sha256(json.dumps(manifest.arguments).encode()).hexdigest()[:12]
    path = folder / FOLDER / f"{name}.json"
    write_file(path, text.encode())
    return path


def read(folder: Path) -> list[Manifest]:
    """Every manifest of a sweep's folder; one that cannot be read is left out."""
    found = []
    for file in sorted((folder / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, pydantic.ValidationError):
            found.append(pydantic.TypeAdapter(Manifest).validate_json(file.read_bytes(), strict=True))
    return found


def started_in(folder: Path) -> str:
    """The current directory relative to ``folder``."""
    return os.path.relpath(Path.cwd(), folder.absolute())


def command(manifest: Manifest, extra: Sequence[str] = ()) -> str:
    """The command in words, for people."""
    import shlex

    return shlex.join(["frequency-reg", *manifest.arguments, *extra])
