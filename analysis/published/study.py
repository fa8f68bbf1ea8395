"""Published numbers beside ours: which configurations they belong to, and whether they were reproduced.

The values stand in ``published.json``, each with its source and the setting that the source states (null: it does not
say). A value lies *inside* if our 95% prediction interval for one run, mean -+ t(0.975, n - 1) sd sqrt(1 + 1 / n),
holds it: the published values are single runs. Where that interval holds every value that the source gives for the
quantity, with any regularizer, it tells none of them apart, and the verdict is *cannot tell*. *Reproduced* is said only
where all that the source states of the setting agrees with the run; else the verdict is inside or outside, and the
deviations are listed. A difference between two regularizers has the published sign, or the opposite one, only where the
95% interval of our paired differences leaves out 0. Where the source prints the ratio of high-frequency to DC power,
the SSRs under further definitions are computed from it (:mod:`analysis.published.ssr`) and marked; where these turn the
sign of a printed difference, the source is contradicted by its own data, and that is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis import metric
from analysis.configuration import BEFORE, PREFIX, unregularized
from analysis.filter import same
from analysis.formatting import is_missing, value_text
from analysis.interval import is_accuracy
from analysis.load import Records
from analysis.published.ssr import implied
from analysis.statistics import CONFIDENCE
from analysis.statistics.estimate import summarize
from analysis.statistics.paired import paired_differences

UNDECIDED = "n = 1: no verdict"
CANNOT_TELL = "cannot tell"
MOST = 12
"""Most configurations that the page sets beside one source."""
TRAINING_IMAGES = "training_images"
"""Images that are trained on. May differ from what a source states: it is named, and hinders no reproduction."""
SPLIT = {"cifar10": 50_000}
"""Images of a data set's training split; those kept for validation are not trained on."""
WORDS = {
    "model.width": "width", "optimizer.lr": "learning rate", "optimizer.momentum": "momentum",
    "optimizer.nesterov": "Nesterov momentum", "batch_size": "batch size", "dataset.crop_padding": "crop padding",
    "dataset.horizontal_flip": "horizontal flip", TRAINING_IMAGES: "training images",
    "runtime.precision": "floating-point precision", "regularizer.decoupled": "decoupled weight decay",
    "corruption.resize.antialias": "antialias when resizing", "standardize_input": "input standardisation",
}  # fmt: skip
"""How a setting is called where its key is no plain word."""


@dataclass(frozen=True)
class Study:
    """Published values and ours.

    Attributes:
        source: where the values were published, with their setting.
        deviations: in words, where our runs' setting differs from what the source states; empty where nothing does.
        unknown: in words, what the source does not state, with ours.
        surplus: further configurations that correspond, not shown.
        contradictions: in words, where the source's printed difference has the other sign under another definition.
        rows: one row a configuration and quantity: configuration, counterpart (what it is called in the source),
            metric, published, computed (whether that follows from a printed ratio), mean, half_width, sd, n, low, high
            (prediction interval for one run, of an accuracy within 0 to 1), verdict. No regularizer comes first.
        signs: one row a regularizer beside none and quantity: pair, metric, published (difference), computed, mean,
            low, high, n (ours, paired by seed), verdict ("published sign", "opposite sign", "cannot tell" or no
            verdict at n = 1).
    """

    source: str
    deviations: str
    unknown: str
    surplus: int
    contradictions: list[str]
    rows: pd.DataFrame
    signs: pd.DataFrame


def studies(records: Records) -> list[Study]:
    """The published studies that some configurations correspond to, by data set, regularizer and strength."""
    return [study for entry in published() for study in _study(records, completed(entry))]


def published() -> list[dict[str, Any]]:
    """Every source of ``published.json``, as it stands there."""
    entries: list[dict[str, Any]] = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
    return entries


def completed(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A source with the SSRs that its printed ratios imply: in each row's ``values``, and named in ``computed``."""
    rows = []
    for row in entry["rows"]:
        printed = row["values"]
        further = (
            {k: v for k, v in implied(row["high_to_dc"]).items() if k not in printed} if "high_to_dc" in row else {}
        )
        accuracies = {key: value for key, value in printed.items() if key.startswith("accuracy/")}
        values = {**printed, **further}
        values = {key: value for key, value in values.items() if key not in accuracies} | accuracies
        rows.append({**row, "values": values, "computed": set(further)})
    return {**entry, "rows": rows}


def contradictions(entry: Mapping[str, Any]) -> list[str]:
    """Printed differences from no regularizer whose sign turns under another definition, computed from the same source.

    Args:
        entry: as of :func:`completed`.
    """
    none = next((row for row in entry["rows"] if row["regularizer"] == "none"), None)
    if none is None:
        return []
    found = []
    for row in entry["rows"]:
        names = [name for name in row["values"] if name in none["values"]]
        difference = {name: row["values"][name] - none["values"][name] for name in names}
        printed = [name for name in names if name.startswith("ssr/") and name not in row["computed"]]
        for name in printed:
            turned = [n for n in names if n in row["computed"] and difference[n] * difference[name] < 0]
            if turned:
                others = ", ".join(f"{difference[n]:+.3f} under {n.removeprefix('ssr/first/')}" for n in turned)
                found.append(
                    f"{_called(row)} − none: SSR {difference[name]:+.3f} under {name.removeprefix('ssr/first/')}, as "
                    f"printed, but {others}".replace("-", "−")
                )
    return found


def _called(row: Mapping[str, Any]) -> str:
    return f"{row['regularizer']}{'' if row['strength'] is None else ' ' + value_text(row['strength'])}"


def _study(records: Records, entry: Mapping[str, Any]) -> Iterator[Study]:
    matched = _matched(records, entry)
    if not matched:
        return
    contexts = records.configurations.table.set_index("configuration")["context"]
    first = contexts[next(iter(matched))]
    # Of many contexts the first: a hundred ways to train do not become a hundred reproductions.
    kept = {label: row for label, row in matched.items() if len(matched) <= MOST or contexts[label] == first}
    surplus, matched = len(matched) - len(kept), dict(list(kept.items())[:MOST])
    wanted = pd.DataFrame(
        [(label, _called(row), name, value, name in row["computed"])
         for label, row in matched.items() for name, value in row["values"].items()],
        columns=["configuration", "counterpart", "metric", "published", "computed"],
    )  # fmt: skip
    known = set(metric.names(records))
    wanted = wanted[wanted["metric"].isin(known)]
    if wanted.empty:
        return
    values = metric.values(records, list(dict.fromkeys(wanted["metric"])))
    values = values[values["configuration"].isin(list(matched))].dropna(subset="value")
    found = wanted.merge(summarize(values, ["configuration", "metric"]), on=["configuration", "metric"])
    found = found.dropna(subset="mean").reset_index(drop=True)
    if found.empty:
        return
    differing = {label: deviations(_choices(records, label), entry["setting"]) for label in matched}
    found["low"], found["high"] = prediction(found)
    found["verdict"] = _verdicts(found, entry, differing)
    found["context"] = found["configuration"].map(contexts)
    unknown = _unknown(records, list(matched), entry["setting"])
    told = contradictions(entry)
    yield Study(entry["source"], _listed(differing), unknown, surplus, told, found, _signs(found, values))


def prediction(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """95% prediction interval for one further run, from mean, sd and n: low and high, missing at n = 1.

    That of an accuracy ends at 0 and 1.
    """
    n = frame["n"].to_numpy(dtype=float)
    half = stdtrit(np.where(n > 1, n - 1, np.nan), (1 + CONFIDENCE) / 2) * frame["sd"] * np.sqrt(1 + 1 / n)
    share = frame["metric"].map(is_accuracy).astype(bool)
    low, high = frame["mean"] - half, frame["mean"] + half
    return low.mask(share, low.clip(lower=0)), high.mask(share, high.clip(upper=1))


def _verdicts(found: pd.DataFrame, entry: Mapping[str, Any], differing: Mapping[str, list[str]]) -> pd.Series:
    low, high = found["low"], found["high"]
    inside = (found["published"] >= low) & (found["published"] <= high)
    every = [[row["values"][name] for row in entry["rows"] if name in row["values"]] for name in found["metric"]]
    held = [len(set(values)) > 1 and a <= min(values) and max(values) <= b
            for values, a, b in zip(every, low, high, strict=True)]  # fmt: skip
    equal = np.array([not differing[label] for label in found["configuration"]])
    yes, no = np.where(equal, "reproduced", "inside"), np.where(equal, "not reproduced", "outside")
    verdict = np.select([found["n"] < 2, np.array(held), inside], [UNDECIDED, CANNOT_TELL, yes], no)
    return pd.Series(verdict, found.index)


def _matched(records: Records, entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Configuration -> the published row it corresponds to, in the source's order. Strength 0 is no regularizer."""
    choices = records.configurations.choices.to_dict("index")
    settings = {PREFIX + key: value_text(value) for key, value in entry.get("settings", {}).items()}
    found: dict[str, Mapping[str, Any]] = {}
    for described in records.configurations.table.to_dict("records"):
        label = str(described["configuration"])
        values = choices[label]
        same_family = _family(values.get(PREFIX + "model")) == _family(entry["model"])
        if values.get(PREFIX + "dataset") != entry["dataset"] or not same_family or not described["complete"]:
            continue
        trained_on = values.get(PREFIX + "trained_on")
        if not is_missing(trained_on) and trained_on != entry["dataset"]:
            continue
        if any(not _agrees(_meant(values, key), value, key) for key, value in settings.items()):
            continue
        wanted = (described["regularizer"], None if is_missing(described["strength"]) else described["strength"])
        if unregularized(values):
            wanted = ("none", None)
        rows = [row for row in entry["rows"] if (row["regularizer"], row["strength"]) == wanted]
        if rows:
            found[label] = rows[0]
    order = {_called(row): place for place, row in enumerate(entry["rows"])}
    return dict(sorted(found.items(), key=lambda pair: order[_called(pair[1])]))


def _agrees(ours: object, stated: str, key: str) -> bool:
    """Whether a choice is the one that a source states; what a regularizer does not have it need not have."""
    return value_text(ours) == stated or (is_missing(ours) and key.startswith(f"{PREFIX}regularizer."))


def _meant(values: Mapping[Any, object], key: str) -> object:
    """A ``config.*`` column's value, or what its absence means."""
    found = values.get(key)
    return BEFORE.get(key) if is_missing(found) else found


def _choices(records: Records, label: str) -> dict[str, object]:
    """A configuration's choices by key, with the number of images that it was trained on where that is known."""
    row = records.configurations.choices.loc[label].to_dict()
    choices: dict[str, object] = {str(key).removeprefix(PREFIX): value for key, value in row.items()}
    split, kept = SPLIT.get(value_text(choices.get("dataset"))), choices.get("dataset.validation_size")
    if split and isinstance(kept, int | float | np.number) and not is_missing(kept):
        choices[TRAINING_IMAGES] = split - int(kept)
    return choices


def deviations(choices: Mapping[str, object], setting: Mapping[str, Any]) -> list[str]:
    """In words, every stated setting from which a configuration differs, or that its records do not hold.

    Args:
        choices: the configuration's, by key.
        setting: what a source states, by key; None where it does not say.
    """
    found = []
    for key, stated in setting.items():
        ours = choices.get(key)
        ours = BEFORE.get(PREFIX + key) if is_missing(ours) else ours
        optional = key.startswith(("regularizer.", "corruption."))  # only some configurations have these
        if stated is None or key == TRAINING_IMAGES or (optional and is_missing(ours)):
            continue
        if is_missing(ours):
            found.append(f"{WORDS.get(key, key)} not recorded, published with {value_text(stated)}")
        elif not same(ours, value_text(stated)):
            found.append(f"{WORDS.get(key, key)} {value_text(ours)} instead of {value_text(stated)}")
    return found


def _listed(differing: Mapping[str, list[str]]) -> str:
    """Deviations in words; configurations are named where they do not deviate alike."""
    texts = {label: "; ".join(parts) for label, parts in differing.items()}
    groups: dict[str, list[str]] = {}
    for label, text in texts.items():
        groups.setdefault(text, []).append(label)
    if len(groups) == 1:
        return next(iter(groups))
    return ". ".join(f"{', '.join(labels)}: {text or 'nothing'}" for text, labels in groups.items())


def _unknown(records: Records, labels: list[str], setting: Mapping[str, Any]) -> str:
    """In words, what the source does not state, and what the configurations have; and the training images always."""
    parts = []
    for key in [key for key, stated in setting.items() if stated is None or key == TRAINING_IMAGES]:
        ours = dict.fromkeys(value_text(_choices(records, label).get(key)) for label in labels)
        stated = f", published with {setting[key]}" if setting[key] is not None else ""
        parts.append(f"{WORDS.get(key, key)} (ours {', '.join(ours)}{stated})")
    return "; ".join(parts)


def _family(model: object) -> str:
    """``resnet`` of ``resnet18``: depths of a family are set beside one another, families are not."""
    return re.split(r"[^a-z]", str(model).lower())[0]


def _signs(found: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Every configuration against the first of its context, no regularizer where there is one: the published
    difference and ours, paired by seed."""
    parts = []
    for _, group in found.groupby("context", sort=False):
        first, *rest = dict.fromkeys(group["configuration"])
        base = values.loc[values["configuration"] == first, ["metric", "seed", "value"]]
        published = group.set_index(["configuration", "metric"])["published"]
        for label in rest:
            treated = values.loc[values["configuration"] == label, ["metric", "seed", "value"]]
            ours = paired_differences(treated, base, ["metric"])[["metric", "mean", "low", "high", "n"]]
            both = (published[label] - published[first]).rename("published").reset_index()
            both = both.dropna().query("published != 0")
            both["computed"] = both["metric"].map(
                group[group["configuration"] == label].set_index("metric")["computed"]
            )
            parts.append(both.merge(ours, on="metric").assign(pair=f"{label} − {first}"))
    columns = ["pair", "metric", "published", "computed", "mean", "low", "high", "n"]
    signs = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    agrees = np.where(signs["mean"] * signs["published"] > 0, "published sign", "opposite sign")
    out = (signs["low"] > 0) | (signs["high"] < 0)
    verdict = np.select([signs["n"] < 2, out], [np.full(len(signs), UNDECIDED), agrees], CANNOT_TELL)
    return signs.assign(verdict=verdict)
