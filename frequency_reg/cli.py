"""The command line: ``frequency-reg KEY=VALUE ...``. Checks everything first, then lets Hydra launch the runs.

Exit codes: 0 every run is complete; 1 some run did not complete; 2 bad input, nothing was run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hydra
from hydra._internal.utils import get_args_parser

from frequency_reg import __version__
from frequency_reg.compose import CONFIG_DIRECTORY, CONFIG_NAME, Plan, make_plan
from frequency_reg.config import Config, ConfigError, instantiate, validate
from frequency_reg.records import RecordsError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from frequency_reg.dataset.base import ImageData
    from frequency_reg.run import Outcome

EXIT_INCOMPLETE = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main() -> NoReturn:
    """Entry point of ``frequency-reg`` and ``python -m frequency_reg``."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(__version__)
        sys.exit(0)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    plan_only = "--plan" in arguments
    # argparse takes a flag between overrides for the end of them: put the flags first, as `... -m ...` is natural.
    flags = [argument for argument in arguments if argument in ("-m", "--multirun", "-r", "--run")]
    sys.argv[1:] = flags + [argument for argument in arguments if argument not in (*flags, "--plan")]
    options = get_args_parser().parse_args(sys.argv[1:])
    try:
        _refuse_other_configs(options)
        if _only_shows(options):
            if options.cfg and options.cfg != "hydra":
                make_plan(options.overrides, multirun=options.multirun, config_dir=options.config_dir)
            _hand_to_hydra([], total=0)
            sys.exit(0)
        plan = make_plan(options.overrides, multirun=options.multirun, config_dir=options.config_dir)
        _check_parts(plan)
        if plan_only:
            from frequency_reg.plan import describe

            print(describe(plan))
            sys.exit(0)
        _require_writable(plan)
        outcomes: list[Outcome] = []
        _hand_to_hydra(outcomes, total=len(plan.runs))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except (ConfigError, RecordsError) as error:
        _fail(error)
    _conclude(plan, outcomes)


def _refuse_other_configs(options: argparse.Namespace) -> None:
    """Hydra would take another root configuration; the plan and the schema know this one."""
    for flag, value in (("--config-name", options.config_name), ("--config-path", options.config_path)):
        if value is not None:
            raise ConfigError(
                f"{flag}={value}: the root configuration is fixed; add options of yours with --config-dir"
            )


def _only_shows(options: argparse.Namespace) -> bool:
    return bool(options.help or options.hydra_help or options.cfg or options.info or options.shell_completion)


def _hand_to_hydra(outcomes: list[Outcome], *, total: int) -> None:
    """Let Hydra compose and launch; each run's outcome is appended to ``outcomes`` (its launcher runs in-process)."""

    @hydra.main(config_path=str(CONFIG_DIRECTORY), config_name=CONFIG_NAME, version_base="1.3")
    def task(composed: DictConfig) -> None:
        outcomes.append(_run_one(composed, f"{len(outcomes) + 1}/{total}"))

    task()


def _run_one(composed: DictConfig, place: str) -> Outcome:
    from omegaconf import OmegaConf

    from frequency_reg.dataset.base import DataError
    from frequency_reg.run import run
    from frequency_reg.run_id import run_name

    try:
        config = validate(OmegaConf.to_container(composed, resolve=True))  # type: ignore[arg-type]
        print(f"[{place}] {run_name(config)}", flush=True)
        outcome = run(config)
    except (ConfigError, DataError, RecordsError) as error:
        _fail(error)
    status = f"{outcome.status}, was there already" if outcome.skipped and outcome.detail == "" else outcome.status
    print(f"    {status}{': ' + outcome.detail if outcome.detail else ''}", flush=True)
    return outcome


def _check_parts(plan: Plan) -> None:
    """Refuse a sweep before its first run if its data is missing or the parts of one of its runs do not fit."""
    from frequency_reg.dataset.base import DataError
    from frequency_reg.run import check

    data: dict[str, ImageData] = {}
    seen: set[str] = set()
    try:
        for config in plan.runs:
            dataset = instantiate(config.dataset)
            dataset.locate()
            key = repr(config.dataset)
            parts = repr({**config.as_dict(), "seed": 0, "name": "", "epochs": 0})
            if parts not in seen:
                seen.add(parts)
                data[key] = data.get(key) or dataset.load()
                check(config, data[key])
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


def _conclude(plan: Plan, outcomes: list[Outcome]) -> NoReturn:
    incomplete = [outcome for outcome in outcomes if outcome.status != "complete"]
    if plan.multirun:
        print(f"{len(outcomes) - len(incomplete)} of {len(outcomes)} runs complete")
    for outcome in incomplete:
        print(f"{outcome.status}: {outcome.directory}/log.txt ({outcome.detail})", file=sys.stderr)
    for folder in dict.fromkeys(_sweep_folder(config) for config in plan.runs):
        print(f"table:  python -m analysis table {folder}\nreport: python -m analysis report {folder}")
    sys.exit(EXIT_INCOMPLETE if incomplete else 0)


def _fail(error: Exception) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT)
