"""The command line: ``frequency-reg KEY=VALUE ...``. Checks everything first; a sweep is launched through Hydra.

Exit codes: 0 every run is complete; 1 some run did not complete, or no trial of a search did; 2 bad input, nothing was
run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import logging
import os
import re
import signal
import sys
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import hydra
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException

from frequency_reg import __version__, compaction, isolation, manifest, places
from frequency_reg.compose import CONFIG_DIRECTORY, CONFIG_NAME, Plan, make_plan, with_config_dir
from frequency_reg.config import Config, ConfigError, check_recordable, instantiate, nearest, validate
from frequency_reg.outcome import FruitlessError, Outcome
from frequency_reg.plan import describe, notices
from frequency_reg.recordable import recordable
from frequency_reg.records import RecordsError, run_directories
from frequency_reg.run_id import run_name

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from frequency_reg.dataset.base import ImageData

EXIT_INCOMPLETE = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_LISTED = 10


def main() -> NoReturn:
    """Entry point of ``frequency-reg`` and ``python -m frequency_reg``."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(__version__)
        sys.exit(0)
    before = list(itertools.takewhile(lambda argument: argument != "evaluate", arguments))
    if len(before) < len(arguments) and all(argument.startswith("--config-dir=") for argument in before):
        from frequency_reg.evaluate_command import main as evaluate

        sys.exit(evaluate([*before, *arguments[len(before) + 1 :]]))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup asks for a closed terminal to be ignored
            signal.signal(number, _interrupt)
    plan_only = "--plan" in arguments
    # argparse takes a flag between overrides for the end of them: put the flags first, as `... -m ...` is natural.
    flags = [argument for argument in arguments if argument in ("-m", "--multirun", "-r", "--run")]
    sys.argv[1:] = flags + [argument for argument in arguments if argument not in (*flags, "--plan")]
    options, unknown = get_args_parser().parse_known_args(sys.argv[1:])
    try:
        _refuse_options(unknown)
        _refuse_other_configs(options)
        if _only_shows(options):
            if options.cfg and options.cfg != "hydra":
                make_plan(options.overrides, multirun=options.multirun, config_dir=options.config_dir)
            _let_hydra_show()
            sys.exit(0)
        if not plan_only and _may_run_here(options):
            _wait_for_a_place()
            isolation.start()  # imports torch while the plan is made
        plan = make_plan(options.overrides, multirun=options.multirun, config_dir=options.config_dir)
        _check_parts(plan)
        _refuse_what_only_a_sweep_has(plan, options.overrides)
        if plan_only:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... --plan | head` ends quietly
            print(describe(plan))
            sys.exit(0)
        _require_writable(plan)
        for notice in notices(plan):
            print(notice, file=sys.stderr)
        written = _write_manifests(plan, arguments)
        try:
            outcomes = _sweep(options) if plan.multirun else [_run_one(plan.runs[0])]
        except ConfigError:
            _take_back(written)
            raise
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except (ConfigError, RecordsError) as error:
        _fail(error)
    except FruitlessError as error:
        print(f"error: {error}", file=sys.stderr)
        _conclude(plan, error.outcomes, EXIT_INCOMPLETE)
    _conclude(plan, outcomes)


def _refuse_options(unknown: list[str]) -> None:
    """One message, not the usage of all of Hydra's options, for what the parser did not take."""
    if not unknown:
        return
    if not unknown[0].startswith("-"):
        raise ConfigError(f"{unknown[0]}: give options such as --cfg before the first KEY=VALUE, or after the last")
    known = ("--plan", "--multirun", "--cfg", "--config-dir", "--help", "--version")
    near = nearest(unknown[0], known)
    raise ConfigError(f"{unknown[0]}: unknown option; the options are -m, {', '.join(known)}{near}")


def _refuse_what_only_a_sweep_has(plan: Plan, overrides: Sequence[str]) -> None:
    for text in [] if plan.multirun else overrides:
        if re.match(r"[+~]*hydra[./](launcher|sweeper)\b", text):
            raise ConfigError(f"{text}: a single run has no launcher and no sweeper; with -m it is a sweep of one run")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A closed terminal or a polite kill is an interruption: records and checkpoints are left in order."""
    raise KeyboardInterrupt


@cache
def _wait_for_a_place() -> None:
    """Many commands at once would exhaust the machine's memory before the first of them had begun.

    The place is held until the process ends; one is enough for all that it does.
    """
    fit = places.sweeps_that_fit()
    text = f"waiting: {fit} sweeps of yours run on this machine, as many as its memory holds"
    places.claim([f"sweep-{n}" for n in range(fit)], full=lambda: print(text, file=sys.stderr, flush=True))


def _may_run_here(options: argparse.Namespace) -> bool:
    """Whether runs are likely to be processes of this machine; a wrong guess costs time or memory, nothing else."""
    chosen = [text.partition("=")[2] for text in options.overrides if text.startswith("hydra/launcher=")]
    sweep = options.multirun or any(text.startswith(("study=", "hydra.mode=")) for text in options.overrides)
    return bool(sweep) and chosen in ([], ["local"])


def _refuse_other_configs(options: argparse.Namespace) -> None:
    """Hydra would take another root configuration; the plan and the schema know this one."""
    for flag, value in (("--config-name", options.config_name), ("--config-path", options.config_path)):
        if value is not None:
            raise ConfigError(
                f"{flag}={value}: the root configuration is fixed; add options of yours with --config-dir"
            )


def _only_shows(options: argparse.Namespace) -> bool:
    return bool(options.help or options.hydra_help or options.cfg or options.info or options.shell_completion)


def _let_hydra_show() -> None:
    """``--help``, ``--cfg``, ``--info`` and shell completion are Hydra's own; long lists of options are wrapped."""

    @hydra.main(config_path=str(CONFIG_DIRECTORY), config_name=CONFIG_NAME, version_base="1.3")
    def nothing(_: DictConfig) -> None:
        raise AssertionError("Hydra was asked to show something and ran instead")

    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            nothing()
    finally:
        lines = shown.getvalue().split("\n")
        print("\n".join(_wrapped(line) if _OPTIONS.match(line) else line for line in lines), end="")


_OPTIONS = re.compile(r"[\w/]+: \w[\w-]*(, [\w-]+)+$")
"""A line of the help that lists a group's options."""


def _wrapped(line: str) -> str:
    return textwrap.fill(line, 80, subsequent_indent="  ", break_on_hyphens=False)


def _sweep(options: argparse.Namespace) -> list[Outcome]:
    """Let Hydra's sweeper and launcher, ours or others, do the runs; every job returns its outcome."""
    overrides = with_config_dir(options.overrides, options.config_dir)
    version.setbase("1.3")
    app = Hydra.create_main_hydra2("frequency-reg", create_config_search_path(str(CONFIG_DIRECTORY)))
    try:
        batches = app.multirun(CONFIG_NAME, task, overrides, with_log_configuration=False)
    except HydraException as error:
        raise ConfigError(str(error).splitlines()[0]) from error
    finally:
        GlobalHydra.instance().clear()
    return [job.return_value for batch in batches for job in batch]


def task(composed: DictConfig) -> Outcome:
    """What a Hydra launcher that is not ours calls for each job."""
    from omegaconf import OmegaConf

    return _run_one(validate(OmegaConf.to_container(composed, resolve=True)))  # type: ignore[arg-type]


def _write_manifests(plan: Plan, arguments: list[str]) -> list[Path]:
    """Note in every sweep's folder what is planned for it; a retry plans nothing of its own."""
    if any(argument.startswith("hydra.sweeper.retry=") for argument in arguments):
        return []
    written = []
    names: dict[Path, dict[str, None]] = {}
    for config in plan.runs:
        names.setdefault(_sweep_folder(config), {})[run_name(config)] = None
    for folder, runs in names.items():
        planned = () if plan.search else tuple(runs)
        ours = manifest.Manifest(
            tuple(arguments), manifest.started_in(folder), planned, trials=plan.trials, seeds=plan.seeds
        )
        written.append(manifest.write(folder, ours))
    return written


def _take_back(written: list[Path]) -> None:
    """Bad input leaves nothing behind: neither a plan nor the folders that were made for it."""
    for path in written:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: somebody else's
            path.parent.rmdir()
            path.parent.parent.rmdir()


def _run_one(config: Config) -> Outcome:
    from frequency_reg.dataset.base import DataError
    from frequency_reg.run import run

    print(run_name(config), flush=True)
    try:
        outcome = run(config)
    except DataError as error:
        raise ConfigError(str(error)) from error
    status = f"{outcome.status}, was there already" if outcome.skipped and outcome.detail == "" else outcome.status
    print(f"    {status}{': ' + outcome.detail if outcome.detail else ''}", flush=True)
    return outcome


def _check_parts(plan: Plan) -> None:
    """Refuse a sweep before its first run if its data is missing or the parts of one of its runs do not fit.

    A search is refused too if they leave one of its objectives without a value.
    """
    from frequency_reg.dataset.base import DataError
    from frequency_reg.run import check

    data: dict[str, ImageData] = {}
    seen: set[str] = set()
    try:
        for config in plan.runs:
            dataset = instantiate(config.dataset)
            dataset.locate()
            for node in config.corruption.values():
                if "root" in node:  # a published set: its files are looked for like the data set's
                    instantiate(node).locate()
            key = repr(config.dataset)
            parts = repr({**config.as_dict(), "seed": 0, "name": "", "epochs": 0})
            if parts not in seen:
                seen.add(parts)
                data[key] = data.get(key) or dataset.load()
                experiment = check(config, data[key])
                if plan.search and experiment is not None:
                    check_recordable(plan.sweeper, recordable(experiment))
    except DataError as error:
        _fail(error)


def _require_writable(plan: Plan) -> None:
    for folder in dict.fromkeys(_sweep_folder(config) for config in plan.runs):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "permission denied")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigError(
                f"outputs={folder.parent}: cannot be written ({reason}); choose another folder with outputs=PATH"
            ) from error


def _sweep_folder(config: Config) -> Path:
    return Path(config.outputs) / config.name


def _conclude(plan: Plan, outcomes: Sequence[Outcome], at_best: int = 0) -> NoReturn:
    """Say how the runs ended and where their results are; the exit code is ``at_best`` if all are complete."""
    incomplete = [outcome for outcome in outcomes if outcome.status not in ("complete", "pruned")]
    if plan.multirun:
        pruned = sum(outcome.status == "pruned" for outcome in outcomes)
        also = f", {pruned} pruned" if pruned else ""
        print(f"{len(outcomes) - len(incomplete) - pruned} of {len(outcomes)} runs complete{also}")
    for outcome in incomplete[:_LISTED]:
        print(f"{outcome.status}: {outcome.directory}/log.txt ({outcome.detail})", file=sys.stderr)
    if len(incomplete) > _LISTED:
        folder = incomplete[0].directory.parent
        print(f"and {len(incomplete) - _LISTED} more: python -m sweeps status {folder}", file=sys.stderr)
    for folder in dict.fromkeys(_sweep_folder(config) for config in plan.runs):
        if plan.multirun:
            compaction.refreshed(folder, run_directories(folder))  # so that the first table is quick
        print(f"table:  python -m analysis table {folder}\nreport: python -m analysis report {folder}")
    sys.exit(EXIT_INCOMPLETE if incomplete else at_best)


def _fail(error: Exception) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT)
