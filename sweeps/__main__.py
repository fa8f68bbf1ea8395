"""``python -m sweeps status|list|retry|clean PATH``."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from frequency_reg.config import ConfigError, nearest
from sweeps import clean, retry, status
from sweeps.folder import RETRIABLE, RETRIED, STATUSES, Sweep, read, shown

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        ``status``: 0 if every planned run is complete, 1 if not. ``list``: 0, or 1 if a record is damaged. ``retry``:
        the worst exit code of the repeated commands. ``clean``: 0, or 1 if something could not be removed. 2 for bad
        input, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = _COMMANDS[options.command]
    try:
        return command(options)
    except ConfigError as error:
        print(_plain(f"error: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the answer has had enough, as `head` does
        _let_output_go()
        return 1


def _status(options: argparse.Namespace) -> int:
    sweeps = read(options.path)
    _print_sweeps(sweeps, options)
    return 0 if all(sweep.complete for sweep in sweeps) else 1


def _print_sweeps(sweeps: Sequence[Sweep], options: argparse.Namespace) -> None:
    if not options.json:
        _answer(_plain(status.describe(sweeps, width=_width())))
        return
    objects = [status.as_json(sweep) for sweep in sweeps]
    path = options.path.resolve()
    of_one = path == sweeps[0].folder or not sweeps[0].whole
    _answer(json.dumps(objects[0] if of_one else {"path": str(path), "sweeps": objects}, indent=2))


def _list(options: argparse.Namespace) -> int:
    statuses = _statuses(options.status, STATUSES)
    sweeps = read(options.path)
    if len(sweeps) > 1:
        if statuses:
            raise ConfigError(f"{shown(options.path)}: {len(sweeps)} sweeps; --status is for the runs of one of them")
        _print_sweeps(sweeps, options)
        return 0
    runs = [run for run in sweeps[0].runs if not statuses or run.status in statuses]
    if options.json:
        found = {"path": str(sweeps[0].folder), "runs": [status.run_as_json(run) for run in runs]}
        _answer(json.dumps(found, indent=2))
    else:
        _answer(_plain(status.list_runs(sweeps[0], statuses, width=_width())))
    return 1 if sweeps[0].counts["damaged"] else 0


def _retry(options: argparse.Namespace) -> int:
    sweep = _one_sweep(options)
    statuses = _statuses(options.status, RETRIABLE) or RETRIED
    found = retry.repetitions(sweep, statuses)
    if not found:
        _print(_nothing_to_retry(sweep, statuses))
        return 0
    doubtful = dict.fromkeys(argument for repetition in found for argument in repetition.doubtful)
    if doubtful and not (options.trust or options.dry_run):
        raise ConfigError(
            f"{shown(sweep.folder)}: a command of this folder names code, or settings that can run code: "
            f"{', '.join(doubtful)}; add --trust if the folder was made by you"
        )
    worst = 0
    for repetition in found:
        where = "" if repetition.directory == Path.cwd() else f"  (in {shown(repetition.directory)})"
        _print(f"{status.count(repetition.runs, 'run')} to repeat{where}\n  {repetition.text}")
        code = 0 if options.dry_run else retry.repeat(repetition)
        worst = max(worst, code)
        if code == 130:
            break
    return worst


def _nothing_to_retry(sweep: Sweep, statuses: Sequence[str]) -> str:
    left = sum(run.status in statuses for run in sweep.runs)
    if left:
        return f"{shown(sweep.folder)}: {status.count(left, 'run')} to retry, but no command of this folder means that"
    return f"{shown(sweep.folder)}: nothing to retry, no run is {_either(statuses)}"


def _clean(options: argparse.Namespace) -> int:
    statuses = _statuses(options.status, [name for name in STATUSES if name != "running"])
    items = [item for sweep in read(options.path) for item in _items(sweep, statuses, options)]
    kept: dict[Path, str] = {}
    if options.yes:
        items, kept = clean.remove(items)
    if options.json:
        _print_json(clean.as_json(items, kept, removed=options.yes))
    else:
        _print(clean.describe(items, done=options.yes))
        if items and not options.yes:
            _print("nothing was removed; add --yes to remove this")
    for path, reason in kept.items():
        print(_plain(f"kept: {shown(path)}: {reason}"), file=sys.stderr)
    return 1 if kept else 0


def _items(sweep: Sweep, statuses: Sequence[str], options: argparse.Namespace) -> list[clean.Item]:
    if not statuses and not options.unplanned:
        return clean.superfluous(sweep)
    chosen = clean.unplanned(sweep) if options.unplanned else list(sweep.runs)
    chosen = [run for run in chosen if not statuses or run.status in statuses]
    return clean.checkpoints(chosen) if options.checkpoints else clean.folders(chosen)


def _one_sweep(options: argparse.Namespace) -> Sweep:
    sweeps = read(options.path)
    if len(sweeps) > 1:
        names = [shown(sweep.folder) for sweep in sweeps[:3]] + ["..."] * (len(sweeps) > 3)
        raise ConfigError(f"{shown(options.path)}: {len(sweeps)} sweeps ({', '.join(names)}); give the folder of one")
    sweep = sweeps[0]
    if not sweep.whole:
        raise ConfigError(
            f"{shown(options.path)}: a run's folder; what is repeated are a sweep's commands: "
            f"python -m sweeps retry {shown(sweep.folder)}"
        )
    return sweep


def _statuses(text: str | None, valid: Sequence[str]) -> tuple[str, ...]:
    names = () if text is None else tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in valid:
            raise ConfigError(f"--status {name}: valid statuses here are {', '.join(valid)}{nearest(name, valid)}")
    return names


# --- printing --------------------------------------------------------------------------------------------------------


def _answer(text: str) -> None:
    """Print the whole answer; a reader that has had enough of it, as `head` has, changes no exit code."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _let_output_go()


def _let_output_go() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(text: str) -> None:
    print(_plain(text), flush=True)


def _print_json(content: dict[str, Any]) -> None:
    print(json.dumps(content, indent=2), flush=True)


def _plain(text: str) -> str:
    """``text`` without control characters: names and messages of a stranger's folder must not steer the terminal."""
    return _CONTROL.sub("?", text)


def _width() -> int:
    return max(shutil.get_terminal_size().columns, 40)


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# --- options ---------------------------------------------------------------------------------------------------------

_COMMANDS = {"status": _status, "list": _list, "retry": _retry, "clean": _clean}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sweeps", description="What sweeps have done, and what is to be done.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    path = argparse.ArgumentParser(add_help=False)
    path.add_argument("path", type=Path, metavar="PATH", help="a sweep's folder, such as outputs/NAME, or a run's")
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="one JSON object on stdout, nothing else")
    _add_status(commands, path, machine)
    _add_list(commands, path, machine)
    _add_retry(commands, path)
    _add_clean(commands, path, machine)
    return parser


def _add_status(commands: Any, *parents: argparse.ArgumentParser) -> None:
    commands.add_parser(
        "status",
        parents=parents,
        help="what is done, running, missing and failed; time left",
        description="What is done, running, missing and failed, and the time left; at any time, from any terminal.",
        epilog="Exit code: 0 every planned run is complete, 1 not all are, 2 bad input.",
    )


def _add_list(commands: Any, *parents: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "list",
        parents=parents,
        help="one line a run: status, epochs, accuracy, time, name",
        description="One line a run. valid % and test %: accuracy on the validation split and on the clean test "
        "set. Names are clipped to the terminal's width (COLUMNS=200 widens it, --json has them whole).",
    )
    parser.add_argument("--status", metavar="S,...", help=f"only runs that are {_either(STATUSES)}")


def _add_retry(commands: Any, *parents: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "retry",
        parents=parents,
        help="repeat the commands of the folder for the runs that failed",
        description="Repeat the commands that were given for the folder, for the runs that failed.",
        epilog="Exit code: the worst of the commands'.",
    )
    parser.add_argument("--status", metavar="S,...", help=f"of {', '.join(RETRIABLE)}; default: {','.join(RETRIED)}")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, start none")
    parser.add_argument(
        "--trust", action="store_true", help="also commands that name packages or settings which can run code"
    )


def _add_clean(commands: Any, *parents: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "clean",
        parents=parents,
        help="remove checkpoints that are needed no longer, or runs",
        description="Show what would be removed and its size; remove it with --yes. By default: checkpoints of "
        "finished runs (complete, diverged) and what interrupted writing left behind. A run that a process is doing is "
        "kept.",
    )
    parser.add_argument("--status", metavar="S,...", help="the whole folders of runs with these statuses instead")
    parser.add_argument("--unplanned", action="store_true", help="the folders of runs that no command means instead")
    parser.add_argument("--checkpoints", action="store_true", help="of these runs only the checkpoints")
    parser.add_argument("--yes", action="store_true", help="remove; without it nothing is touched")


if __name__ == "__main__":
    raise SystemExit(main())
