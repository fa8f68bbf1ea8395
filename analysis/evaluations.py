"""Evaluations: runs that test a network which another run trained. What both measured of it is evidence once.

Such a run says whose network it tested (``provenance.trained_run``) and on what that was trained
(``config.trained_on``), and carries what was measured in training: SSRs, masks, validation, times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis import metric
from analysis.configuration import PREFIX
from analysis.formatting import is_missing, value_text
from analysis.load import Records

_TRAINED_RUN = "provenance.trained_run"

Pair = tuple[str, str]
"""Labels of two configurations: treated and baseline; "" where there is no baseline."""


def data_words(choices: Mapping[str, object]) -> str:
    """``cifar10``; of networks that were tested on other data than trained on ``digits, tested on mnist``.

    Args:
        choices: a configuration's, by key.
    """
    tested, trained = choices.get("dataset"), choices.get("trained_on")
    if is_missing(trained) or trained == tested:
        return value_text(tested)
    return f"{value_text(trained)}, tested on {value_text(tested)}"


@dataclass(frozen=True)
class Repeated:
    """Pairs of configurations that compare no other networks than further pairs do.

    Attributes:
        metrics: of each such pair the metrics that are no second evidence.
        new: of each such pair the metrics that are.
        first: of each such pair the first of those that compare the same networks.
    """

    metrics: dict[Pair, frozenset[str]]
    new: dict[Pair, frozenset[str]]
    first: dict[Pair, Pair]


def repeated(records: Records, pairs: Iterable[Pair]) -> Repeated:
    """What pairs measured of networks of which another pair has it: where they were trained, or else the first.

    Metrics of training are the same on whatever data the networks were tested; others only on equal data.
    """
    found = Repeated({}, {}, {})
    run = records["run"]
    if _TRAINED_RUN not in run or run[_TRAINED_RUN].isna().all():
        return found
    networks, evaluated = _networks(records)
    of = {(a, b): _compared(networks, a, b) for a, b in pairs}
    order = sorted(of, key=lambda pair: not evaluated.isdisjoint(pair))
    known = records.sql("SELECT DISTINCT configuration, metric FROM replications WHERE value IS NOT NULL")
    having = {str(label): set(names) for label, names in known.groupby("configuration")["metric"]}
    choices = records.configurations.choices
    data = {str(label): value_text(row.get(f"{PREFIX}dataset")) for label, row in choices.iterrows()}
    for place, pair in enumerate(order):
        others = [other for other in order[:place] if of[pair] and of[pair] <= of[other]]
        again: set[str] = set()
        own = having.get(pair[0], set())
        for other in others:
            same = data.get(pair[0]) == data.get(other[0])
            again |= {name for name in own & having.get(other[0], set()) if same or metric.of_training(name)}
        if others:
            found.first[pair], found.metrics[pair], found.new[pair] = (
                others[0],
                frozenset(again),
                frozenset(own - again),
            )
    return found


def _networks(records: Records) -> tuple[dict[str, dict[str, str]], set[str]]:
    """The network of every complete run, as the run that trained it, by label and seed; labels of evaluations."""
    run = records["run"].set_index("run_id")
    trained = run[_TRAINED_RUN].fillna(run.index.to_series())
    networks: dict[str, dict[str, str]] = {}
    evaluated: set[str] = set()
    done = records.configurations.runs.query("status == 'complete'")
    for run_id, label, seed in zip(done["run_id"], done["configuration"], done["seed"], strict=True):
        networks.setdefault(str(label), {})[str(seed)] = str(trained[run_id])
        evaluated |= {str(label)} if trained[run_id] != run_id else set()
    return networks, evaluated


def _compared(networks: Mapping[str, Mapping[str, str]], treated: str, baseline: str) -> frozenset[Pair]:
    """The networks that a pair compares, seed by seed."""
    above, below = networks.get(treated, {}), networks.get(baseline, {})
    seeds = set(above) & set(below) if baseline else set(above)
    return frozenset((above[seed], below.get(seed, "")) for seed in seeds)
