"""``frequency-reg evaluate``: its words, its messages, its exit codes (those of :mod:`frequency_reg.cli`)."""

from __future__ import annotations

import argparse
import csv
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from frequency_reg.config import ConfigError
from frequency_reg.outcome import Outcome
from frequency_reg.records import RecordsError
from frequency_reg.shift import Shift

_EPILOG = """\
examples:
  frequency-reg evaluate outputs/NAME/RUN corruption=[fog,snow,frost]
  frequency-reg evaluate outputs/NAME dataset=mnist --resize name=digits_on_mnist
  frequency-reg evaluate outputs/NAME/RUN dataset=cifar100 --labels cat:leopard,ship:rocket
  frequency-reg evaluate outputs/NAME/RUN dataset=image_folder --labels '"cat:cat, black",ship:ship'

A pair of --labels with a comma in a name is quoted, as in a CSV file.
Every complete run is measured again from its last checkpoint; nothing is trained, nothing of a run's folder is
changed or run as code. Results: python -m analysis table outputs/NAME-evaluation
"""


def main(arguments: Sequence[str]) -> int:
    """Do the command.

    Returns:
        0; 1 if another process is doing some of it; 2 for bad input (nothing is written then); 130 if interrupted.
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
    from frequency_reg.reevaluate import DataSets, evaluate, planned

    folders, overrides = _split(options.words)
    data_sets = DataSets()
    outcomes = []
    try:
        evaluations = planned(
            folders, overrides, Shift(resize=options.resize, labels=_labels(options.labels)), data_sets
        )
        for number, evaluation in enumerate(evaluations, start=1):
            print(f"[{number}/{len(evaluations)}] {evaluation.stored.directory.name}", flush=True)
            outcomes.append(evaluate(evaluation, data_sets))
            print(f"    {_said(outcomes[-1])}", flush=True)
    except DataError as error:
        raise ConfigError(str(error)) from error
    for folder in dict.fromkeys(outcome.directory.parent for outcome in outcomes):
        print(f"table:  python -m analysis table {folder}")
    return 0 if all(outcome.status == "complete" for outcome in outcomes) else 1


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "frequency-reg evaluate",
        description="Measure trained runs again: other corruptions, another data set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="RUN|KEY=VALUE", help="run or sweep folders, then overrides")
    parser.add_argument("--resize", action="store_true", help="bring images to the size and channels of training")
    parser.add_argument("--labels", metavar="NETWORK:DATASET,...", help="classes that mean the same; default: names")
    return parser
