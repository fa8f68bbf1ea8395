"""Repeat the commands of a sweep's folder for the runs that failed: ``python -m sweeps retry``."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import frequency_reg
from frequency_reg.manifest import Manifest
from sweeps.folder import Sweep, override_key, own_arguments

_TAKES_VALUE = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp", "--package", "-p", "--cfg", "-c")
_PLAIN = re.compile(r"/?[A-Za-z_][A-Za-z0-9_./-]*")
_CHOICE_OR_NUMBER = re.compile(r"hydra(/[a-z]+=\w+|[\w.]+=(null|true|false|[\d.eE+-]+))")
_WORDS_OF_HYDRA = ("null", "true", "false", "nan", "inf")


@dataclass(frozen=True)
class Repetition:
    """A command to be given again.

    Attributes:
        arguments: of ``python -m frequency_reg``.
        directory: where it is to be started.
        runs: how many of the folder's runs have a status that asks for it.
        doubtful: the arguments that could make it run code of whoever made the folder.
    """

    arguments: tuple[str, ...]
    directory: Path
    runs: int
    doubtful: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The command for people."""
        return shlex.join(["frequency-reg", *self.arguments])


def repetitions(sweep: Sweep, statuses: Sequence[str]) -> list[Repetition]:
    """The commands of the folder that mean runs with one of ``statuses``; a search means all that no other one does."""
    wanted = [run for run in sweep.runs if run.status in statuses]
    recorded = {str((run.row or {}).get("status")) for run in wanted}  # `running`, where a killed run could not say so
    retried = list(dict.fromkeys([*statuses, *(recorded & {"running"})]))
    found = []
    for command in sweep.commands:
        runs = sum(run.planned is None if command.trials else run.name in command.runs for run in wanted)
        if runs:
            arguments, directory = _arguments(command, sweep.folder, retried), _directory(command, sweep.folder)
            found.append(Repetition(arguments, directory, runs, _doubtful(command.arguments)))
    return found


def repeat(repetition: Repetition) -> int:
    """Do a repetition in a process of its own, with this one's terminal; returns its exit code.

    Ctrl-C and SIGTERM are the command's own affair: it leaves its runs' records in order, and this waits for that.
    """
    # -P: what lies in that directory is not imported; our own package is found where this process found it.
    command = [sys.executable, "-P", "-m", "frequency_reg", *repetition.arguments]
    paths = [str(Path(frequency_reg.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    processes: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if processes:
            processes[0].terminate()
        else:
            early.append(number)

    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),  # the terminal tells both processes
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        processes.append(subprocess.Popen(command, cwd=repetition.directory, env=environment))
        if early:
            processes[0].terminate()
        code = _waited_for(processes[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _waited_for(process: subprocess.Popen[bytes]) -> int:
    """The exit code. A signal that comes just before a wait without end would be noticed after it only."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=1)


def _directory(command: Manifest, folder: Path) -> Path:
    """Where the command was given, seen from the sweep's folder; the current directory if there is none any more."""
    there = folder / command.directory
    return there.resolve() if there.is_dir() else Path.cwd()


def _arguments(command: Manifest, folder: Path, statuses: Sequence[str]) -> tuple[str, ...]:
    """The command's arguments, with the folder as it is called now, and in a sweep only runs with ``statuses``."""
    arguments = own_arguments(command.arguments)
    added = [f"name={_quoted(folder.name)}", f"outputs={_quoted(str(folder.parent))}"]
    if _is_sweep(command):
        added.append(f"hydra.sweeper.retry=[{','.join(statuses)}]")
    place = _after_overrides(arguments)
    return (*arguments[:place], *added, *arguments[place:])


def _doubtful(arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments that can name code or start some: flags, packages to be trusted, most of Hydra's own settings."""
    return tuple(argument for argument in own_arguments(arguments) if not _is_harmless(argument))


def _is_harmless(argument: str) -> bool:
    key = override_key(argument)
    if argument.startswith("-"):
        return argument in ("-m", "--multirun")
    if not key.startswith("hydra"):
        return key != "trusted_packages"
    if key.startswith("hydra.sweeper."):
        return not any(word in argument for word in ("_target_", "trusted_packages", "storage"))
    return bool(_CHOICE_OR_NUMBER.fullmatch(argument))


def _is_sweep(command: Manifest) -> bool:
    flags = {"-m", "--multirun"} & set(command.arguments)
    return bool(flags or command.trials) or len(command.runs) > 1 or "study" in map(override_key, command.arguments)


def _after_overrides(arguments: Sequence[str]) -> int:
    """Behind the last override: a flag that follows them ends them for Hydra's parser."""
    overrides = [
        place
        for place, argument in enumerate(arguments)
        if not argument.startswith("-") and (place == 0 or arguments[place - 1] not in _TAKES_VALUE)
    ]
    return overrides[-1] + 1 if overrides else len(arguments)


def _quoted(text: str) -> str:
    """``text`` as a value of Hydra's override syntax that is this text and nothing else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_HYDRA:
        return text
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", text)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f"'{escaped}'"
