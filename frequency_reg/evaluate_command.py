"""``frequency-reg evaluate``: its words, its messages, its exit codes (those of :mod:`frequency_reg.cli`)."""

from __future__ import annotations

import argparse
import csv
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from frequency_reg.compose import with_config_dir
from frequency_reg.config import ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.records import RecordsError
from frequency_reg.shift import Shift

if TYPE_CHECKING:  # imports torch
    from frequency_reg.reevaluate import DataSets, Evaluation

_EPILOG = """\
examples:
  frequency-reg evaluate outputs/NAME/RUN corruption=[fog,snow,frost]
  frequency-reg evaluate outputs/NAME dataset=mnist --resize name=digits_on_mnist
  frequency-reg evaluate outputs/NAME suite=cifar10_c --workers 4
  frequency-reg evaluate outputs/NAME/RUN dataset=cifar100 --labels cat:leopard,ship:rocket
  frequency-reg evaluate outputs/NAME/RUN dataset=image_folder --labels '"cat:cat, black",ship:ship'

A pair of --labels with a comma in a name is quoted, as in a CSV file.
Every complete run is measured again from its last checkpoint; nothing is trained, nothing of a run's folder is
changed or run as code. Results: python -m analysis table outputs/NAME-evaluation
"""


def main(arguments: Sequence[str]) -> int:
    """Do the command.

    Returns:
        0; 1 if another process is doing some of it or a worker was killed; 2 for bad input (nothing is written then);
        130 if interrupted.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    options = _parser().parse_intermixed_args(arguments)
    try:
        return _evaluate(options)
    except (ConfigError, RecordsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command measures what is missing", file=sys.stderr)
        return 130


def _evaluate(options: argparse.Namespace) -> int:
    from frequency_reg.dataset.base import DataError  # imports torch
    from frequency_reg.evaluate_workers import WorkerLostError
    from frequency_reg.reevaluate import DataSets, planned

    folders, overrides = _split(options.words)
    overrides = with_config_dir(overrides, options.config_dir)
    if options.workers > 1 and not any(text.startswith("runtime.threads=") for text in overrides):
        overrides.append(f"runtime.threads={max(1, (os.cpu_count() or 1) // options.workers)}")
    data_sets = DataSets()
    outcomes = []
    try:
        evaluations = planned(
            folders, overrides, Shift(resize=options.resize, labels=_labels(options.labels)), data_sets
        )
        for outcome in _measured(evaluations, data_sets, options.workers):
            outcomes.append(outcome)
            print(f"    {_said(outcome)}", flush=True)
    except DataError as error:
        raise ConfigError(str(error)) from error
    except WorkerLostError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for folder in dict.fromkeys(outcome.directory.parent for outcome in outcomes):
        print(f"table:  python -m analysis table {folder}")
    return 0 if all(outcome.status == "complete" for outcome in outcomes) else 1


def _measured(evaluations: Sequence[Evaluation], data_sets: DataSets, workers: int) -> Iterator[Outcome]:
    """Each outcome, with the name of its run printed before."""
    from frequency_reg.evaluate_workers import outcomes
    from frequency_reg.reevaluate import evaluate

    def announce(number: int, evaluation: Evaluation) -> None:
        print(f"[{number}/{len(evaluations)}] {evaluation.stored.directory.name}", flush=True)

    if min(workers, len(evaluations)) == 1:
        for number, evaluation in enumerate(evaluations, start=1):
            announce(number, evaluation)
            yield evaluate(evaluation, data_sets)
        return
    for number, (evaluation, outcome) in enumerate(outcomes(evaluations, workers), start=1):
        announce(number, evaluation)
        yield outcome


def _said(outcome: Outcome) -> str:
    if outcome.status == "complete" and outcome.skipped:
        return f"was there already{outcome.detail and f': {outcome.detail}'}"
    return outcome.detail if outcome.status == "complete" else f"{outcome.status}: {outcome.detail}"


def _split(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Folders (their names may hold ``=``) and overrides."""
    overrides = [word for word in words if not Path(word).exists() and ("=" in word or word.startswith("~"))]
    folders = [Path(word) for word in words if word not in overrides]
    if not folders:
        raise ConfigError("evaluate: which runs? Give a run's folder, outputs/NAME/RUN, or a sweep's, outputs/NAME")
    return folders, overrides


def _labels(text: str | None) -> dict[str, str] | None:
    """NETWORK:DATASET pairs, separated and quoted as in a line of a CSV file."""
    if text is None:
        return None
    try:
        parts = next(csv.reader([text], skipinitialspace=True, strict=True)) or [""]
    except csv.Error as error:
        raise ConfigError(f'--labels {text}: {error}; write a pair with a comma as "A, B:C"') from error
    pairs: dict[str, str] = {}
    for part in parts:
        ours, colon, theirs = (word.strip() for word in part.partition(":"))
        if not (ours and colon and theirs):
            raise ConfigError(f"--labels {text}: '{part}' is no NETWORK:DATASET pair, such as cat:leopard")
        if ours in pairs:
            raise ConfigError(
                f"--labels {text}: the network's class '{ours}' is given twice; a class belongs to one pair"
            )
        pairs[ours] = theirs
    return pairs


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "frequency-reg evaluate",
        description="Measure trained runs again: other corruptions, another data set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="RUN|KEY=VALUE", help="run or sweep folders, then overrides")
    parser.add_argument("--resize", action="store_true", help="bring images to the size and channels of training")
    parser.add_argument("--workers", metavar="N", type=_count, default=1, help="networks measured at a time; default 1")
    parser.add_argument("--config-dir", metavar="FOLDER", help="options of yours, as the runs were trained with")
    parser.add_argument("--labels", metavar="NETWORK:DATASET,...", help="classes that mean the same; default: names")
    return parser
