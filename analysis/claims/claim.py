"""Published claims, as data: what each compares, under which definitions, and the records in which that was measured.

The claims stand in ``claims.json``. A claim is put to the records once for every *setting*: the model, data set, length
of training, ... that the compared configurations share. What is measured and how it is judged:
:mod:`analysis.claims.measured` and :mod:`analysis.claims.verdict`; the page: :mod:`analysis.claims.page`.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import evaluations
from analysis.configuration import PREFIX, strengths, unregularized
from analysis.filter import same
from analysis.formatting import is_missing, value_text
from analysis.load import Records
from analysis.published.study import deviations, published


@dataclass(frozen=True)
class Side:
    """Configurations that one side of a comparison may be.

    Attributes:
        regularizer: its name; ``none`` is also every regularizer of strength 0 in all parts.
        strength: its strength; None where it has none. Of several regularizers, the only one's that has a strength.
        stronger_than: every strength above this one, in place of ``strength``.
        part: a regularizer of which this is a part, in place of ``regularizer`` (``a`` of ``a+b``).
        options: further choices, by key; a record that does not say may have them.
    """

    regularizer: str = ""
    strength: float | None = None
    stronger_than: float | None = None
    part: str = ""
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``weight_decay 0.001``, ``weight_decay above 0.001``, ``none``, ``any spectral_mask``."""
        if self.part:
            return f"any {self.part}"
        if self.stronger_than is not None:
            return f"{self.regularizer} above {value_text(self.stronger_than)}"
        return self.regularizer + ("" if self.strength is None else f" {value_text(self.strength)}")

    def fits(self, choices: Mapping[str, object]) -> bool:
        """Whether a configuration, by its raw ``config.*`` columns, is on this side."""
        name, found = choices.get(PREFIX + "regularizer"), strengths(choices)
        if any(not is_missing(ours := choices.get(PREFIX + key)) and not same(ours, value_text(value))
               for key, value in self.options.items()):  # fmt: skip
            return False
        if self.part:
            return self.part in str(name).split("+")
        if self.regularizer == "none":
            return unregularized(choices)
        if name != self.regularizer:
            return False
        if self.stronger_than is not None:
            return found.get(self.regularizer, 0) > self.stronger_than
        single = next(iter(found.values())) if "+" in name and len(found) == 1 else None
        return found.get(self.regularizer, single) == self.strength


@dataclass(frozen=True)
class Claim:
    """A published claim.

    Attributes:
        id, title, sentence, source: its name, heading, what it says in one sentence, and where that stands.
        study: key of the published numbers (:func:`studies`).
        kind: ``metrics`` (differences of metrics), ``depth`` (differences in SSR over the layers), ``masks`` (shares
            that masks remove, over the layers).
        comparisons: what is compared: (treated, baseline); the baseline of ``masks`` is None.
        direction: +1 if the claim says that the treated side is higher, -1 if lower.
        metrics: definitions, as names of metrics, ``*`` for several.
        claimed: the definitions under which the claim was published.
        more_than: size that the claim names for accuracies (fraction); None if it names none.
        all: whether the claim holds only where every comparison does (an order).
        only: configuration keys with the values that the claim is about; runs of others are no test of it.
        response: regularizer whose whole range of strengths is shown beside the tests.
        note, command: what a reader must know; the command that measures it in, or near, the published setting.
    """

    id: str
    title: str
    sentence: str
    source: str
    study: str
    kind: str
    comparisons: Sequence[tuple[Side, Side | None]]
    direction: int
    command: str
    metrics: Sequence[str] = ()
    claimed: Sequence[str] = ()
    more_than: float | None = None
    all: bool = False
    only: Mapping[str, object] = field(default_factory=dict)
    response: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Two configurations by label, their seeds in common, and what to call them; ``baseline`` is "" in ``masks``.

    ``again``: metrics that another pair has of the same networks and data (:mod:`analysis.evaluations`).
    """

    treated: str
    baseline: str
    sides: tuple[Side, Side | None]
    words: str
    again: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Setting:
    """What the compared configurations share.

    Attributes:
        context: as in ``Configurations.table``; "" where nothing but the regularizer differs.
        words: model, data set and length of training, and where other settings share these, what else differs.
        pairs: what can be compared.
        absent: comparisons of the claim that cannot, in words.
        deviations: in words, where it differs from the published setting.
    """

    context: str
    words: str
    pairs: Sequence[Pair]
    absent: Sequence[str]
    deviations: Sequence[str]


def claims() -> list[Claim]:
    """Every claim of ``claims.json``, in its order."""
    return [_claim(entry) for entry in _read()["claims"]]


def _claim(entry: Mapping[str, Any]) -> Claim:
    comparisons = [
        (Side(**sides["treated"]), Side(**sides["baseline"]) if "baseline" in sides else None)
        for sides in entry["comparisons"]
    ]
    return Claim(**{**entry, "comparisons": comparisons})


def studies() -> dict[str, Mapping[str, Any]]:
    """Published numbers by the key that claims name: of ``claims.json``, rows and setting of :func:`published`."""
    found: dict[str, Mapping[str, Any]] = {}
    for key, told in _read()["studies"].items():
        entry: Mapping[str, Any] = next((e for e in published() if e["source"].startswith(key)), {})
        setting = {"dataset": entry.get("dataset"), **entry.get("setting", {}), **told.get("setting", {})}
        rows = entry.get("rows", [])
        ratios = {Side(r["regularizer"], r["strength"]).label: r["high_to_dc"] for r in rows if "high_to_dc" in r}
        found[key] = {"rows": rows, "high_to_dc": ratios, **told, "setting": setting}
    return found


def _read() -> Any:
    return json.loads((Path(__file__).parent / "claims.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class _Known:
    """What pairs are found by, by label: raw ``config.*`` columns, how it is shown, seeds of complete runs."""

    choices: Mapping[str, Mapping[str, Any]]
    shown: Mapping[str, str]
    seeds: Mapping[str, set[str]]


def settings(records: Records, claim: Claim) -> list[Setting]:
    """The settings in which some comparison of the claim was run with a seed in common, nearest the published first.

    Networks that were evaluated again, with nothing new that the claim is about, are no further setting.
    """
    table = records.configurations.table
    known = _known(records)
    wanted = {key: value for key, value in studies()[claim.study]["setting"].items() if value is not None}
    found = []
    grouped = {
        str(context): [(sides, list(_pairs(known, sides, [*map(str, rows)]))) for sides in claim.comparisons]
        for context, rows in table[table["complete"] > 0].groupby("context", sort=False)["configuration"]
    }
    for context, by_sides in _once(records, claim, grouped).items():
        pairs = [pair for _, some in by_sides for pair in some]
        if not pairs:
            continue
        choices = {key.removeprefix(PREFIX): value for key, value in known.choices[pairs[0].treated].items()}
        if any(value_text(choices.get(key)) != value_text(value) for key, value in claim.only.items()):
            continue
        absent = [_words(*sides) for sides, some in by_sides if not some]
        differing = deviations({**choices, "dataset": evaluations.data_words(choices)}, wanted)
        found.append(Setting(context, setting_words(choices), pairs, absent, differing))
    return sorted(_told_apart(found), key=lambda setting: len(setting.deviations))


_BySides = list[tuple[tuple[Side, Side | None], list[Pair]]]


def _once(records: Records, claim: Claim, grouped: Mapping[str, _BySides]) -> dict[str, _BySides]:
    """The pairs of every context without those that are no further evidence for the claim."""
    every = [pair for by_sides in grouped.values() for _, some in by_sides for pair in some]
    repeated = evaluations.repeated(records, [(pair.treated, pair.baseline) for pair in every])

    def kept(pair: Pair) -> Iterator[Pair]:
        key = (pair.treated, pair.baseline)
        if key not in repeated.first:
            yield pair
        elif any(fnmatch.filter(repeated.new[key], name) for name in claim.metrics):
            yield replace(pair, again=repeated.metrics[key])

    return {
        context: [(sides, [one for pair in some for one in kept(pair)]) for sides, some in by_sides]
        for context, by_sides in grouped.items()
    }


def _told_apart(found: Sequence[Setting]) -> Iterator[Setting]:
    """Settings whose model, data and length are alike with what else differs."""
    parts = {setting.context: setting.context.split(" · ") for setting in found}
    for setting in found:
        alike = [parts[other.context] for other in found if other.words == setting.words]
        own = [part for part in parts[setting.context] if "=" in part and any(part not in others for others in alike)]
        yield replace(setting, words=", ".join([setting.words, *(part.rpartition(".")[2] for part in own)]))


def _known(records: Records) -> _Known:
    configurations = records.configurations
    raw = {str(k): {str(c): v for c, v in row.items()} for k, row in configurations.choices.to_dict("index").items()}
    table, runs = configurations.table, configurations.runs
    seeds: dict[str, set[str]] = {label: set() for label in raw}
    done = runs[runs["status"] == "complete"]
    for label, seed in zip(done["configuration"], done["seed"], strict=True):
        seeds[str(label)].add(str(seed))
    twice = table.duplicated(["context", "label"], keep=False)
    shown = table["label"].where(~twice, table["configuration"])
    return _Known(raw, dict(zip(table["configuration"], shown, strict=True)), seeds)


def _pairs(known: _Known, sides: tuple[Side, Side | None], labels: Sequence[str]) -> Iterator[Pair]:
    """One pair a comparison; one for every treated configuration where the side stands for several."""
    treated, baseline = sides
    above = [label for label in labels if treated.fits(known.choices[label])]
    several = bool(treated.part) or treated.stronger_than is not None
    shown, seeds = known.shown, known.seeds
    if baseline is None:
        yield from (Pair(label, "", sides, shown[label]) for label in above)
        return
    below = [label for label in labels if baseline.fits(known.choices[label])]
    ranked = [(len(seeds[a] & seeds[b]), a, b) for a in above for b in below if a != b and seeds[a] & seeds[b]]
    # Of several that fit, the pair with most seeds in common; of equals the first in display order.
    best = sorted(ranked, key=lambda found: -found[0])
    first = {a: (a, b) for _, a, b in reversed(best)}
    chosen = [first[a] for a in above if a in first] if several else [(a, b) for _, a, b in best[:1]]
    yield from (Pair(a, b, sides, f"{shown[a]} − {shown[b]}") for a, b in chosen)


def _words(treated: Side, baseline: Side | None) -> str:
    return treated.label + (f" against {baseline.label}" if baseline else "")


def wanted(claim: Claim) -> str:
    """What a claim needs, in words."""
    return "; ".join(_words(*sides) for sides in claim.comparisons)


def choices_of(records: Records, label: str) -> dict[str, object]:
    """The raw ``config.*`` columns of a configuration."""
    row = records.configurations.choices.loc[label].to_dict()
    return {str(key): value for key, value in row.items()}


def setting_words(choices: Mapping[str, object]) -> str:
    """``resnet20 on cifar10, 12 epochs``, ``lenet on digits, tested on mnist, 60 epochs``."""
    model, epochs = (value_text(choices.get(key)) for key in ("model", "epochs"))
    return f"{model} on {evaluations.data_words(choices)}, {epochs} epochs"


def runs_of(records: Records, labels: Sequence[str]) -> pd.DataFrame:
    """The complete runs of some configurations: run_id, run_name, configuration, seed, in display order."""
    runs = records.configurations.runs
    place = {label: i for i, label in enumerate(labels)}
    runs = runs[(runs["status"] == "complete") & runs["configuration"].isin(labels)]
    runs = runs.assign(place=runs["configuration"].map(place)).sort_values(["place", "run_name", "run_id"])
    return runs[["run_id", "run_name", "configuration", "seed"]].reset_index(drop=True)
