"""What stands beside a claim's tests: every layer of a depth profile, and the response over all strengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import metric
from analysis.claims.claim import Claim, Pair, Setting, Side, choices_of
from analysis.claims.measured import MASKS, expanded, layer_differences
from analysis.formatting import MISSING, estimate_text, number_text, value_text
from analysis.load import Records
from analysis.statistics import ALPHA
from analysis.statistics.estimate import summarize
from analysis.statistics.paired import paired_differences

SHOWN = ("dc/epoch_1", "dc/init", "energy/init", "absolute_folded/epoch_1")
"""Definitions whose layers are shown one by one; the others are in the export's means and correlations."""
MOST_LAYERS = 24


def layer_rows(records: Records, pair: Pair) -> tuple[list[str], list[list[str]], str]:
    """Differences in SSR layer by layer: head, rows of text and a sentence on what they are.

    A star marks an interval that leaves out 0. Of many layers every second, third, ... is shown.
    """
    both = layer_differences(records, pair)
    columns = ["layer", "depth", "definition", "seed"]
    by = ["layer", "depth", "definition"]
    found = paired_differences(both[[*columns, "value"]], both[columns].assign(value=both["baseline"]), by)
    layers = found[["layer", "depth"]].drop_duplicates().sort_values("depth", kind="stable")
    step = -(-len(layers) // MOST_LAYERS)
    names = [name for name in SHOWN if (found["definition"] == name).any()]
    cells = {(row.layer, row.definition): _cell(row) for row in _each(found)}
    drawn = layers["layer"].iloc[::step]
    rows = [[value_text(layer), *(cells.get((layer, n), MISSING) for n in names)] for layer in drawn]
    counted = [
        f"{name}: {int((some['low'] > 0).sum())} higher, {int((some['high'] < 0).sum())} lower"
        for name in names
        if len(some := found[found["definition"] == name])
    ]
    shown = f"; one layer of {step} is shown" if step > 1 else ""
    note = (
        f"Layer by layer, {pair.words}, difference ± half-width of its 95% interval, * where that leaves out 0, which "
        f"is no correction for many layers: chance alone marks about {round(ALPHA * len(layers))} of {len(layers)}. "
        f"Marked are, by definition: {'; '.join(counted)}{shown}."
    )
    return ["layer", *names], rows, note


def _each(frame: pd.DataFrame) -> list[Any]:
    """The rows of a frame, by attribute."""
    return list(frame.itertuples())


def _cell(row: Any) -> str:
    out = row.low > 0 or row.high < 0
    return estimate_text(row.mean, row.half_width, "1", signed=True).replace("-", "−") + (" *" if out else "")


def _response(records: Records, claim: Claim, setting: Setting) -> pd.DataFrame:
    """Values of the claim's metrics at every strength of its regularizer: strength, metric, seed, value."""
    table = records.configurations.table
    options = claim.comparisons[0][0].options
    strengths = {}
    for row in table[(table["context"] == setting.context) & (table["complete"] > 0)].to_dict("records"):
        label, found = str(row["configuration"]), row["strength"]
        choices = choices_of(records, label)
        if row["regularizer"] == claim.response and Side(claim.response, found, options=options).fits(choices):
            strengths[label] = float(found)
        elif row["regularizer"] == "none":
            strengths.setdefault(label, 0.0)
    values = metric.values(records, expanded(claim.metrics)).dropna(subset="value")
    values = values[values["configuration"].isin(list(strengths))]
    values = values.assign(strength=values["configuration"].map(strengths))
    # ``none`` and strength 0 are one point: a seed that both have counts once.
    return values.groupby(["strength", "metric", "seed"])["value"].mean().reset_index()


def response_rows(records: Records, claim: Claim, setting: Setting) -> tuple[list[str], list[list[str]]]:
    """Mean ± half-width of every metric at every strength, the highest mean of each marked where all have n > 1."""
    names = expanded(claim.metrics)
    found = summarize(_response(records, claim, setting), ["strength", "metric"])
    names = [name for name in names if (found["metric"] == name).any()]
    top = found.loc[found.groupby("metric")["mean"].idxmax()].set_index("metric")["strength"]
    ranks = found["n"].min() > 1  # one seed ranks nothing
    cells = {
        (row.strength, row.metric): estimate_text(row.mean, row.half_width, metric.describe(str(row.metric)).unit)
        + (" ▲" if ranks and top[row.metric] == row.strength else "")
        for row in _each(found)
    }
    head = [f"{claim.response}", "n", *(f"{metric.describe(name).label} %" for name in names)]
    rows = []
    for strength, some in found.groupby("strength", sort=True):
        rows.append([value_text(strength), str(some["n"].max()), *(cells.get((strength, n), MISSING) for n in names)])
    return head, rows


def peaks(records: Records, claim: Claim, setting: Setting) -> Iterator[str]:
    """Where each metric is highest: over the mean of the seeds and in every seed that has all strengths."""
    values = _response(records, claim, setting)
    if summarize(values, ["strength", "metric"])["n"].min() < 2:
        yield "Some strengths have one seed: nothing is ranked."
        return
    yield "▲: the highest mean of its column. Being highest is luck in part: the seeds' own peaks show how much."
    for name in expanded(claim.metrics):
        grid = values[values["metric"] == name].pivot_table(index="seed", columns="strength", values="value")
        if grid.empty:
            continue
        every = grid.dropna()
        own = every.idxmax(axis=1)
        seeds = ", ".join(f"{value_text(s)} in {k}" for s, k in own.value_counts().sort_index().items())
        best = grid.mean().idxmax()
        gain = number_text(grid.mean().max() - grid.mean().iloc[-1], metric.describe(name).unit)
        yield (
            f"{metric.describe(name).label} peaks at {value_text(best)} by the mean, {gain} points above the strongest "
            f"({value_text(grid.columns[-1])}); seed by seed: {seeds or 'no seed has every strength'}."
        )


def mask_rows(records: Records, pair: Pair) -> tuple[list[str], list[list[str]]]:
    """Share removed in every masked layer, before the first update and after the last epoch, in per cent."""
    shares = records.sql(MASKS)
    shares = shares[shares["configuration"] == pair.treated]
    found = summarize(shares, ["depth", "layer", "epoch"])
    epochs = sorted(found["epoch"].unique())
    layers = found[["depth", "layer"]].drop_duplicates().sort_values("depth", kind="stable")["layer"]
    cells = {(r.layer, r.epoch): estimate_text(r.mean, r.half_width, "fraction") for r in _each(found)}
    rows = [[value_text(layer), *(cells.get((layer, epoch), MISSING) for epoch in epochs)] for layer in layers]
    return ["layer", *(f"share removed at epoch {epoch} %" for epoch in epochs)], rows


def levels(records: Records, setting: Setting, names: Sequence[str]) -> Iterator[str]:
    """The metrics themselves on both sides of every comparison, and their ratio where both have one sign."""
    if not names:
        return
    found = summarize(metric.values(records, list(names)).dropna(subset="value"), ["configuration", "metric"])
    means = {(row.configuration, row.metric): row for row in _each(found)}
    for pair in setting.pairs:
        above, below = pair.words.split(" − ")
        for name in names:
            a, b = means.get((pair.treated, name)), means.get((pair.baseline, name))
            if a is None or b is None:
                continue
            described = metric.describe(name)
            texts = [
                f"{estimate_text(r.mean, r.half_width, described.unit).replace('-', '−')} ({w}, n = {r.n})"
                for r, w in ((a, above), (b, below))
            ]
            ratio = f", a factor of {b.mean / a.mean:.2f} between the means" if a.mean * b.mean > 0 else ""
            unsure = any(not (row.low > 0 or row.high < 0) for row in (a, b))
            ratio += ", which these intervals leave open" if ratio and unsure else ""
            yield f"Here {described.label} itself is {' and '.join(texts)}{ratio}."
