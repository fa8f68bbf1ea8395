"""Published numbers beside ours: which configurations they belong to, and whether they were reproduced.

The values stand in ``published.json``, each with its source and setting. A value is *reproduced* if it lies inside our
95% prediction interval for one run, mean -+ t(0.975, n - 1) sd sqrt(1 + 1 / n): the published values are single runs.
Where the setting differs (another depth, fewer epochs) nothing can be reproduced, and the verdict is only whether the
value lies inside or outside. A published difference between two
regularizers is reproduced in sign if ours has that sign.
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
from analysis.configuration import PREFIX
from analysis.formatting import is_missing, value_text
from analysis.load import Records
from analysis.statistics import CONFIDENCE, summarize

UNDECIDED = "n = 1: no verdict"
MOST = 12
"""Most configurations that the page sets beside one source."""


@dataclass(frozen=True)
class Study:
    """Published values and ours.

    Attributes:
        source: where the values were published, with their setting.
        deviations: in words, where our runs' setting differs.
        surplus: further configurations that correspond, not shown.
        rows: one row a configuration and quantity: configuration, metric, published, mean, half_width, sd, n, low,
            high (prediction interval for one run), verdict.
        signs: one row a pair of regularizers and quantity: pair, metric, published, ours (differences), agrees.
    """

    source: str
    deviations: str
    surplus: int
    rows: pd.DataFrame
    signs: pd.DataFrame


def studies(records: Records) -> list[Study]:
    """The published studies that some configurations correspond to, by data set, regularizer and strength."""
    text = (Path(__file__).parent / "published.json").read_text(encoding="utf-8")
    return [study for entry in json.loads(text) for study in _study(records, entry)]


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
        [(label, name, value) for label, row in matched.items() for name, value in row["values"].items()],
        columns=["configuration", "metric", "published"],
    )
    known = set(metric.names(records))
    wanted = wanted[wanted["metric"].isin(known)]
    if wanted.empty:
        return
    values = metric.values(records, list(dict.fromkeys(wanted["metric"])))
    values = values[values["configuration"].isin(list(matched))]
    found = wanted.merge(summarize(values, ["configuration", "metric"]), on=["configuration", "metric"])
    found = found.dropna(subset="mean").reset_index(drop=True)
    if found.empty:
        return
    found["low"], found["high"] = prediction(found)
    inside = (found["published"] >= found["low"]) & (found["published"] <= found["high"])
    deviations = _deviations(records, entry, list(matched))
    words = ("inside", "outside") if deviations else ("reproduced", "not reproduced")
    found["verdict"] = np.where(found["n"] < 2, UNDECIDED, np.where(inside, *words))
    found["context"] = found["configuration"].map(contexts)
    yield Study(entry["source"], deviations, surplus, found, _signs(found))


def prediction(frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """95% prediction interval for one further run, from mean, sd and n: low and high, missing at n = 1."""
    n = frame["n"].to_numpy(dtype=float)
    half = stdtrit(np.where(n > 1, n - 1, np.nan), (1 + CONFIDENCE) / 2) * frame["sd"] * np.sqrt(1 + 1 / n)
    return frame["mean"] - half, frame["mean"] + half


def _matched(records: Records, entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Configuration -> the published row it corresponds to. Strength 0 is no regularizer."""
    choices = records.configurations.choices.to_dict("index")
    settings = {PREFIX + key: value_text(value) for key, value in entry.get("settings", {}).items()}
    found: dict[str, Mapping[str, Any]] = {}
    for described in records.configurations.table.to_dict("records"):
        label = str(described["configuration"])
        values = choices[label]
        same_family = _family(values.get(PREFIX + "model")) == _family(entry["model"])
        if values.get(PREFIX + "dataset") != entry["dataset"] or not same_family or not described["complete"]:
            continue
        if any(value_text(values.get(key)) != value for key, value in settings.items()):
            continue
        wanted = (described["regularizer"], None if is_missing(described["strength"]) else described["strength"])
        if wanted[1] == 0:
            wanted = ("none", None)
        rows = [row for row in entry["rows"] if (row["regularizer"], row["strength"]) == wanted]
        if rows:
            found[label] = rows[0]
    return found


def _deviations(records: Records, entry: Mapping[str, Any], labels: list[str]) -> str:
    choices = records.configurations.choices.loc[labels]
    parts = []
    for key in ("model", "epochs"):
        ours = list(dict.fromkeys(value_text(value) for value in choices.get(PREFIX + key, pd.Series(dtype=object))))
        if ours != [str(entry[key])]:
            parts.append(f"{key} {', '.join(ours)} instead of {entry[key]}")
    return "; ".join(parts)


def _family(model: object) -> str:
    """``resnet`` of ``resnet18``: depths of a family are set beside one another, families are not."""
    return re.split(r"[^a-z]", str(model).lower())[0]


def _signs(found: pd.DataFrame) -> pd.DataFrame:
    """Every configuration against the first of its context: sign of the published difference and of ours."""
    rows = []
    for _, group in found.groupby("context", sort=False):
        first = group["configuration"].iloc[0]
        base = group[group["configuration"] == first].set_index("metric")
        for row in group[group["configuration"] != first].itertuples():
            published = row.published - base["published"].get(row.metric, np.nan)
            ours = row.mean - base["mean"].get(row.metric, np.nan)
            if published * ours == published * ours and published != 0:
                rows.append((f"{row.configuration} − {first}", row.metric, published, ours, bool(published * ours > 0)))
    return pd.DataFrame(rows, columns=["pair", "metric", "published", "ours", "agrees"])
