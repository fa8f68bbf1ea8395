"""What the records show, in plain words, by stated rules: every sentence with its interval and n, none by hand.

Words follow the statistics. "Higher by ..., survives Holm's correction": the adjusted p is below .05 in the one family
of tests of the report (:mod:`analysis.report.family`). "Its own interval leaves out 0": a hint, no more, when many are
looked at. Everything else is "not distinguishable". Single runs show nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import aggregate, compare, metric
from analysis.formatting import MISSING, estimate_text, number_text, with_sign
from analysis.frames import ssr
from analysis.frames.function import explained_variance, first_reached
from analysis.frames.gradient_masking import gradient_masking
from analysis.load import AnalysisError, Records
from analysis.report.family import bounded, family
from analysis.statistics import ALPHA
from analysis.statistics.multiplicity import what_n_allows

MANY = 8
"""Above this number of configurations they are counted by regularizer instead of named one by one."""
SSR = ("ssr/first/dc/init", "ssr/last/dc/init")


@dataclass(frozen=True)
class Finding:
    """A heading, its sentences, and a table where configurations are many: rows of text, the first the head.

    Attributes:
        numbers_from: the first column of the table that holds numbers.
    """

    title: str
    sentences: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    numbers_from: int = 2


def findings(
    records: Records, baseline: Mapping[str, str] | None = None, frame: pd.DataFrame | None = None
) -> list[Finding]:
    """The findings of the records, at most a screen of them, however many configurations there are.

    Args:
        frame: the report's tests, as of :func:`analysis.report.family.family`; computed if left out.

    Raises:
        AnalysisError: ``baseline`` names no configuration.
    """
    reason = ""
    if frame is None:
        try:
            frame = family(records, baseline)
        except AnalysisError as error:
            if baseline:
                raise
            reason = str(error)
    found = [_effects(frame, reason)]
    if fitted := list(_fitted(records)):
        found.append(Finding("Which frequencies are fitted, and when?", fitted))
    positions = _positions(records)
    if positions:
        words = list(_definitions(_of_ssr(records, baseline, frame, positions)))
        found.append(Finding("Does the SSR depend on its definition?", words))
        found.append(Finding("SSR beside its null", list(_null(records))))
    found.append(Finding("What to keep in mind", list(_cautions(records))))
    return [finding for finding in found if finding.sentences]


SUMMARIZED = ("clean_accuracy", "corrupted_accuracy", *SSR, "test_mse")
"""What the summary tells of the family, beside accuracies under corruption; the other SSRs tell of the definition."""


def _told(name: str) -> bool:
    return name in SUMMARIZED or name.startswith(("accuracy/", f"{metric.EXPLAINED}/"))


def _positions(records: Records) -> list[str]:
    found = records.sql("SELECT DISTINCT position FROM layers WHERE position IN ('first', 'last') ORDER BY ALL")
    return [str(position) for position in found["position"]]


def _effects(family: pd.DataFrame | None, reason: str) -> Finding:
    title = "Against the baseline"
    if family is None:
        return Finding(title, [reason])
    if family.empty:
        return Finding(title, ["There is nothing to compare.", *family.attrs.get("unpaired", [])])
    frame = family.assign(verdict=verdicts(family))
    frame = frame[[_told(name) for name in frame["metric"]]]
    tests = int(family["p"].notna().sum())
    allows = [what_n_allows(n, tests) for n in sorted({aggregate.lowest_n(family), int(family["n"].max())})]
    words = f"Holm's correction is over all {tests} tests of the section Differences, of which these are a part."
    each = frame.groupby("regularizer")["configuration"].nunique().max() == 1
    if frame["configuration"].nunique() > MANY and each:
        return _by_metric(title, frame, words, allows)
    if frame["configuration"].nunique() > MANY:
        counted = (
            "Configurations counted by how they differ from their baselines, paired by seed. Higher, lower: after "
            "Holm's correction. Uncorrected: 95% intervals that leave out 0, beside the number that chance alone makes."
        )
        return Finding(title, [counted, words, *allows], [COUNTED, *_counted(frame)])
    paired = ["Differences are paired by seed, with 95% intervals in brackets. " + words] if tests else []
    return Finding(title, [*_each(frame), *paired, *allows])


VERDICTS = {
    "survives": "after Holm's correction",
    "own": "only before Holm's correction (its own interval leaves out 0)",
    "equal": "not distinguishable",
    "single": "single runs, which show no difference",
}
"""How a sentence heads the differences of each verdict, in this order."""


def verdicts(frame: pd.DataFrame) -> pd.Series:
    """``survives``, ``own`` (its own interval leaves out 0), ``equal`` in all else, ``single`` at n = 1.

    Args:
        frame: as of ``compare.differences``.
    """
    out = (frame["low"] > 0) | (frame["high"] < 0)
    verdict = np.select([frame["n"] < 2, frame["p_holm"] < ALPHA, out], ["single", "survives", "own"], "equal")
    return pd.Series(verdict, frame.index)


def _each(frame: pd.DataFrame) -> Iterator[str]:
    for configuration, block in frame.groupby("configuration", sort=False):
        same = bool((block["n"] == block["n"].iloc[0]).all())
        block = block.assign(among="" if same else ", n = " + block["n"].astype(str))
        parts = []
        for verdict, heading in VERDICTS.items():
            rows = block[block["verdict"] == verdict]
            clear = verdict in ("survives", "own")
            told = [_clear(row) for row in rows.itertuples()] if clear else list(_grouped(rows))
            parts += [f"{heading}: {', '.join(told)}"] if told else []
        pairs = int(block["n"].iloc[0])
        count = f" (n = {pairs} pair{'s' if pairs > 1 else ''})" if same else ""
        yield f"{configuration} against {block['baseline'].iloc[0]}{count}: " + "; ".join(parts) + "."


def _grouped(block: pd.DataFrame) -> Iterator[str]:
    """What is not distinguishable; several strengths of one corruption in one breath, from least to most."""
    names = block["metric"].tolist()
    corruption = [n.rpartition("/")[0] if n.startswith("accuracy/") and n.count("/") > 1 else n for n in names]
    for name, rows in block.groupby(corruption, sort=False):
        if len(rows) == 1:
            yield _unclear(next(rows.itertuples()))
            continue
        least, most = (with_sign(number_text(value, "fraction")) for value in (rows["mean"].min(), rows["mean"].max()))
        at = ", ".join(str(metric).rpartition("/")[2] for metric in rows["metric"])
        yield f"{metric.describe(str(name)).label} at {at} (means {least} to {most} pp)"


def _clear(row: object) -> str:
    label, amount, unit, interval = _words(row)
    word = "higher" if row.mean > 0 else "lower"  # type: ignore[attr-defined]
    return f"{label} {word} by {amount.lstrip('+−-')}{unit} {interval}{row.among}"  # type: ignore[attr-defined]


def _unclear(row: object) -> str:
    label, amount, unit, interval = _words(row)
    return f"{label} ({amount}{unit}{' ' + interval if interval else ''}{row.among})"  # type: ignore[attr-defined]


def _words(row: object) -> tuple[str, str, str, str]:
    described = metric.describe(row.metric)  # type: ignore[attr-defined]
    unit = " pp" if described.unit == "fraction" else ""
    low, high, mean = (number_text(v, described.unit) for v in (row.low, row.high, row.mean))  # type: ignore[attr-defined]
    interval = "" if low == "–" else f"[{with_sign(low)}, {with_sign(high)}]"
    return described.label, with_sign(mean), unit, interval


def _counted(frame: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Rows for each regularizer and metric: how many configurations stand where against their baselines."""
    for (name, wanted), rows in frame.groupby(["regularizer", "metric"], sort=False):
        survives = rows[rows["verdict"] == "survives"]
        own = int((rows["verdict"] == "own").sum()) + len(survives)
        higher, lower = int((survives["mean"] > 0).sum()), int((survives["mean"] < 0).sum())
        counts = (len(rows), higher, lower, len(rows) - len(survives), own, round(ALPHA * len(rows)))
        yield (str(name), metric.describe(str(wanted)).label, *map(str, counts))


def _by_metric(title: str, frame: pd.DataFrame, words: str, allows: Sequence[str]) -> Finding:
    """Many regularizers of one strength each: a row for each metric in which one stands out, naming which."""
    rows = [row for name, part in frame.groupby("metric", sort=False) if (row := _standing_out(str(name), part))]
    single = frame.loc[frame["verdict"] == "single", "label"].unique()
    sentences = [
        "Metrics in which a configuration differs from its baseline, paired by seed: after Holm's correction, or only "
        f"before it (its own 95% interval leaves out 0). {words}",
        f"At least one does in {len(rows)} of {frame['metric'].nunique()} metrics.",
    ]
    if len(single):
        sentences.append(f"Single runs, which show no difference: {', '.join(single)}.")
    return Finding(title, [*sentences, *allows], [STANDING_OUT, *rows] if rows else (), len(STANDING_OUT))


def _standing_out(name: str, part: pd.DataFrame) -> tuple[str, ...] | None:
    found = [
        ", ".join(part.loc[(part["verdict"] == verdict) & ((part["mean"] > 0) == up), "label"])
        for verdict in ("survives", "own")
        for up in (True, False)
    ]
    return (metric.describe(name).label, *(text or MISSING for text in found)) if any(found) else None


STANDING_OUT = ("metric", "higher, after Holm", "lower, after Holm", "higher, only before", "lower, only before")
COUNTED = (
    "regularizer",
    "metric",
    "configurations",
    "higher",
    "lower",
    "not distinguishable",
    "uncorrected",
    "by chance",
)


def _of_ssr(
    records: Records, baseline: Mapping[str, str] | None, family: pd.DataFrame | None, positions: Sequence[str]
) -> pd.DataFrame | None:
    """Differences in every SSR, from the report's family; where that holds the headline only, without a corrected p."""
    if family is None or not bounded(records):
        return None if family is None else family[family["metric"].str.startswith("ssr/")]
    names = [f"ssr/{p}/{n}/{r}" for p in positions for n in metric.NORMALIZATIONS for r in metric.REFERENCES]
    known = set(records.sql("SELECT DISTINCT metric FROM ssr_metrics WHERE position IN ('first', 'last')")["metric"])
    frame = compare.differences(records, baseline, [name for name in names if name in known])
    return frame.assign(p_holm=np.nan)


def _definitions(frame: pd.DataFrame | None) -> Iterator[str]:
    """Whether a configuration's SSR stands above its baseline's in one definition and below in another."""
    frame = frame.dropna(subset="low") if frame is not None else pd.DataFrame()  # a single run contradicts nothing
    if frame.empty:
        return
    turning = turned(frame)
    total = frame["configuration"].nunique()
    if total > MANY:
        for position, rows in turning.groupby("position", sort=False):
            sure, perhaps = int(rows["turns"].sum()), int((rows["may"] & ~rows["turns"]).sum())
            corrected = f"turns with the definition in {sure} of {total} configurations (Holm-corrected), and "
            yield (
                f"{str(position).capitalize()} layer: the order against the baseline "
                f"{corrected if frame['p_holm'].notna().any() else ''}may turn in {perhaps} of {total} (uncorrected "
                "95% intervals above 0 in one normalization or reference, below 0 in another)."
            )
        return
    for row in turning[turning["turns"] | turning["may"]].itertuples():
        verb, why = ("turns", "both sides survive Holm's correction") if row.turns else ("may turn", "uncorrected 95% "
                     "intervals on both sides of 0, of which one side or none survives Holm's correction")  # fmt: skip
        yield (
            f"{str(row.position).capitalize()} layer: the order of {row.configuration} and {row.baseline} {verb} with "
            f"the definition: higher SSR by {row.above}; lower by {row.below} ({why})."
        )
    steady = turning.loc[~turning["turns"] & ~turning["may"], ["position", "configuration"]]
    for position, rows in steady.groupby("position", sort=False):
        yield (
            f"{str(position).capitalize()} layer: no pair of definitions contradict each other beyond their intervals "
            f"for {', '.join(rows['configuration'])}."
        )


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Which differences in SSR have one sign under one definition and the other under another.

    Args:
        frame: as of ``compare.differences`` of SSRs.

    Returns:
        One row for each configuration and position: configuration, baseline, position, turns (differences of both
        signs survive Holm's correction), may (95% intervals lie above 0 and below it), above, below (the definitions,
        as text: those that survive where it turns, else those whose intervals leave out 0).
    """
    parts = frame["metric"].str.split("/", expand=True)
    frame = frame.assign(position=parts[1], definition=parts[2] + "/" + parts[3])
    sure = frame["p_holm"] < ALPHA
    sides = {"above": frame["low"] > 0, "below": frame["high"] < 0}
    frame = frame.assign(**sides, **{f"sure_{side}": out & sure for side, out in sides.items()})
    keys = ["configuration", "baseline", "position"]
    rows = []
    for names, group in frame.groupby(keys, sort=False):
        any_of = group[["above", "below", "sure_above", "sure_below"]].any()
        turns, may = any_of["sure_above"] and any_of["sure_below"], any_of["above"] and any_of["below"]
        listed = [", ".join(group.loc[group[f"sure_{side}" if turns else side], "definition"]) for side in sides]
        rows.append((*names, bool(turns), bool(may), *listed))
    return pd.DataFrame(rows, columns=[*keys, "turns", "may", "above", "below"])


HALF = 0.5
"""Share of a frequency that must be explained for it to count as fitted."""


def _fitted(records: Records) -> Iterator[str]:
    """Of each frequency of a function to fit: what is explained at the end, and when half of it first was."""
    frame = explained_variance(records).dropna(subset="mean")
    if frame.empty or frame["configuration"].nunique() > MANY:
        return
    reached = first_reached(records, HALF)
    unit = "updates" if frame["iteration"].notna().all() else "epochs"
    for configuration, rows in frame.groupby("configuration", sort=False):
        last = rows[rows["epoch"] == rows["epoch"].max()].sort_values("frequency")
        ends = ", ".join(f"{estimate_text(r.mean, r.half_width, '1')} of {r.frequency}" for r in last.itertuples())
        times = reached[reached["configuration"] == configuration].sort_values("frequency")
        when = "; ".join(_when(row, unit) for row in times.itertuples())
        after = f"{last['iteration' if unit == 'updates' else 'epoch'].iloc[0]:,.0f} {unit}"
        yield (
            f"{configuration} (n = {_ends(last['n'])}): explained variance after {after} {ends} (frequencies in cycles "
            f"per period). Half of a frequency is first explained: {when}."
        )


def _when(row: Any, unit: str) -> str:
    """``5 after 120 ± 10 updates``, with the seeds that got there where not all did."""
    if row.reached == 0:
        return f"{row.frequency} in no seed"
    time = f"{row.mean:,.0f}" + (f" ± {row.half_width:,.0f}" if row.half_width == row.half_width else "")
    some = f" in {row.reached} of {row.seeds} seeds" if row.reached < row.seeds else ""
    return f"{row.frequency} after {time} {unit}{some}"


def _null(records: Records) -> Iterator[str]:
    """Where the configurations' intervals of the mean SSR stand beside the null's range: dc, against init."""
    final = ssr.final_ssr(records)
    final = final[(final["normalization"] == "dc") & (final["reference"] == "init")].dropna(subset="mean")
    null = ssr.null_distribution(records, normalizations=("dc",))
    null = null[["configuration", "position", "low", "high", "n"]]
    null = null.rename(columns={"low": "null_low", "high": "null_high", "n": "draws"})
    rows = final.merge(null, on=["configuration", "position"])
    rows["place"] = places(rows)
    for position in [p for p in ("first", "last") if (rows["position"] == p).any()]:
        here = rows[rows["position"] == position]
        title = f"{position.capitalize()} layer, dc against init"
        for place, words in PLACES.items():
            some = here[here["place"] == place]
            if len(some) and len(here) > MANY:
                share = f"{len(some)} of {len(here)} configurations ({ssr.null_words(some['draws'])})"
                yield f"{title}: {words} in {share}."
            elif len(some):
                yield f"{title}: {words}: {_placed(some)}."


PLACES = {
    "inside": "the whole interval over seeds lies inside the null, not to be told from another random initialisation",
    "straddles": "the interval over seeds straddles the null's edge, neither inside nor outside",
    "outside": "the whole interval over seeds lies outside the null",
    "single": "n = 1, no interval and no verdict beside the null",
}


def places(rows: pd.DataFrame) -> pd.Series:
    """``inside``, ``straddles`` or ``outside``: where intervals stand beside null ranges; ``single`` without interval.

    Args:
        rows: low, high, n (of the mean over seeds), null_low, null_high.
    """
    outside = (rows["low"] > rows["null_high"]) | (rows["high"] < rows["null_low"])
    inside = (rows["low"] >= rows["null_low"]) & (rows["high"] <= rows["null_high"])
    single = (rows["n"] < 2) | rows["low"].isna()
    return pd.Series(np.select([single, outside, inside], ["single", "outside", "inside"], "straddles"), rows.index)


def _placed(rows: pd.DataFrame) -> str:
    """Configurations with their interval and n, each null range named once, with its draws."""
    texts = []
    for _, group in rows.groupby(["null_low", "null_high", "draws"], sort=False):
        named = ", ".join(
            f"{r.configuration} ({with_sign(number_text(r.mean, '1'))}{_interval(r)}, n = {r.n})"  # type: ignore[arg-type]
            for r in group.itertuples()
        )
        ends = " to ".join(with_sign(number_text(group[end].iloc[0], "1")) for end in ("null_low", "null_high"))
        texts.append(f"{named}; null {ends} ({ssr.null_words(group['draws'])})")
    return "; ".join(texts)


def _interval(row: Any) -> str:
    low, high = (number_text(value, "1") for value in (row.low, row.high))
    return "" if MISSING in (low, high) else f" [{with_sign(low)}, {with_sign(high)}]"


def _cautions(records: Records) -> Iterator[str]:
    missing = aggregate.incomplete_runs(records)
    if len(missing):
        counts = ", ".join(f"{n} {status}" for status, n in missing["status"].value_counts().items())
        worst = missing["configuration"].value_counts()
        named = "; ".join(f"{label} ({n})" for label, n in worst.head(5).items())
        more = f"; and {len(worst) - 5} more configurations" if len(worst) > 5 else ""
        words, verb = ("runs", "are") if len(missing) > 1 else ("run", "is")
        yield f"{len(missing)} {words} did not complete ({counts}) and {verb} in no mean: {named}{more}."
    table = records.configurations.table
    single = table[table["complete"] == 1]
    if len(single):
        which = ", ".join(single["configuration"]) if len(single) <= MANY else f"{len(single)} configurations"
        yield f"A single complete run, which has no interval and ranks nothing: {which}."
    yield from aggregate.mixtures(records)
    yield from _masking(records)
    if records.repeated:
        yield f"{len(records.repeated)} folders hold copies of runs that other folders hold too; each run counts once."


def _masking(records: Records) -> Iterator[str]:
    """Whether accuracies under gradient attacks may be believed: each configuration that fails a check, or none."""
    frame = gradient_masking(records).dropna(subset="mean")
    if frame.empty:
        return
    tested, failing = frame["configuration"].nunique(), frame[frame["failed"] > 0]
    if failing.empty:
        yield (
            f"No sign of masked gradients: {tested} configuration{'s pass' if tested > 1 else ' passes'} every check "
            f"({', '.join(sorted(frame['check_name'].unique()))}) in every seed, n = {_ends(frame['n'])}, on "
            f"{_ends(frame['images'])} images. That does not prove that there are none."
        )
    elif failing["configuration"].nunique() > MANY:
        yield (
            f"Masked gradients: {failing['configuration'].nunique()} of {tested} configurations fail a check in a seed "
            "or more; their accuracies under gradient attacks overstate their robustness."
        )
    else:
        for configuration, rows in failing.groupby("configuration", sort=False):
            yield (
                f"Masked gradients: accuracies under gradient attacks overstate the robustness of {configuration}, "
                f"which fails {'; '.join(_failed(row) for row in rows.itertuples())}."
            )


def _ends(numbers: pd.Series) -> str:
    """``3``, or ``2 to 3``."""
    low, high = numbers.min(), numbers.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _failed(row: Any) -> str:
    """A failed check with its value, its tolerance and how many seeds and images say so."""
    value, tolerance = estimate_text(row.mean, row.half_width, "fraction"), number_text(row.tolerance, "fraction")
    return (
        f"{row.check_name} in {row.failed} of {row.n} seed{'s' * (row.n > 1)} (mean {value} pp, {tolerance} pp are "
        f"allowed, {row.images} images)"
    )
