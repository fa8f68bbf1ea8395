"""What the records show, in plain words, by stated rules: every sentence with its interval and n, none by hand.

Words follow the statistics. "Higher by ..., survives Holm's correction": the adjusted p is below .05 in the family of
all tests of this summary. "Its own interval leaves out 0": a hint, no more, when many are looked at. Everything else is
"not distinguishable". Single runs show nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis import aggregate, compare, metric
from analysis.formatting import number_text
from analysis.frames import ssr
from analysis.load import AnalysisError, Records
from analysis.statistics import ALPHA, what_n_allows

MANY = 8
"""Above this number of configurations they are counted by regularizer instead of named one by one."""
SSR = ("ssr/first/dc/init", "ssr/last/dc/init")


@dataclass(frozen=True)
class Finding:
    """A heading, its sentences, and a table where configurations are counted: rows of text, the first the head."""

    title: str
    sentences: Sequence[str]
    rows: Sequence[Sequence[str]] = ()


def findings(records: Records, baseline: Mapping[str, str] | None = None) -> list[Finding]:
    """The findings of the records, at most a screen of them, however many configurations there are.

    Raises:
        AnalysisError: ``baseline`` names no configuration.
    """
    found = [_effects(records, baseline)]
    positions = _positions(records)
    if positions:
        found.append(
            Finding("Does the SSR depend on its definition?", list(_definitions(records, baseline, positions)))
        )
        found.append(Finding("SSR beside its null", list(_null(records))))
    found.append(Finding("What to keep in mind", list(_cautions(records))))
    return [finding for finding in found if finding.sentences]


def metrics(records: Records) -> list[str]:
    """What the summary compares: clean accuracy, accuracy under corruption, SSR of the first and the last layer."""
    corruptions = records.sql("SELECT DISTINCT corruption FROM corrupted ORDER BY ALL")["corruption"]
    robust = ["corrupted_accuracy", *("accuracy/" + corruptions)] if len(corruptions) else []
    return ["clean_accuracy", *robust, *(name for name in SSR if name.split("/")[1] in _positions(records))]


def _positions(records: Records) -> list[str]:
    found = records.sql("SELECT DISTINCT position FROM layers WHERE position IN ('first', 'last') ORDER BY ALL")
    return [str(position) for position in found["position"]]


def _effects(records: Records, baseline: Mapping[str, str] | None) -> Finding:
    title = "Against the baseline"
    try:
        frame = compare.differences(records, baseline, metrics(records))
    except AnalysisError as error:
        if baseline:
            raise
        return Finding(title, [str(error)])
    if frame.empty:
        return Finding(title, ["No configuration beside the baseline has a complete run: there is nothing to compare."])
    frame = frame.assign(verdict=verdicts(frame))
    tests = int(frame["p"].notna().sum())
    allows = [what_n_allows(n, tests) for n in sorted({aggregate.lowest_n(frame), int(frame["n"].max())})]
    family = f"Holm's correction is over the {tests} tests of this summary."
    if frame["configuration"].nunique() > MANY:
        words = (
            "Configurations counted by how they differ from their baselines, paired by seed. Higher, lower: after "
            "Holm's correction. Uncorrected: 95% intervals that leave out 0, beside the number that chance alone makes."
        )
        return Finding(title, [words, family, *allows], [COUNTED, *_counted(frame)])
    paired = ["Differences are paired by seed, with 95% intervals in brackets; " + family] if tests else []
    return Finding(title, [*_each(frame), *paired, *allows])


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
        clear = [_clear(row) for row in block[block["verdict"].isin(["survives", "own"])].itertuples()]
        unclear = [_unclear(row) for row in block[block["verdict"] == "equal"].itertuples()]
        single = [_unclear(row) for row in block[block["verdict"] == "single"].itertuples()]
        parts = clear
        parts += ["not distinguishable: " + ", ".join(unclear)] if unclear else []
        parts += ["single runs, which show no difference: " + ", ".join(single)] if single else []
        pairs = int(block["n"].iloc[0])
        count = f" (n = {pairs} pair{'s' if pairs > 1 else ''})" if same else ""
        yield f"{configuration} against {block['baseline'].iloc[0]}{count}: " + "; ".join(parts) + "."


def _clear(row: object) -> str:
    label, amount, unit, interval = _words(row)
    word = "higher" if row.mean > 0 else "lower"  # type: ignore[attr-defined]
    end = "survives Holm's correction" if row.verdict == "survives" else (  # type: ignore[attr-defined]
        "not after Holm's correction, though its own interval leaves out 0"
    )  # fmt: skip
    return f"{label} {word} by {amount.lstrip('+−-')}{unit} {interval}{row.among}, {end}"  # type: ignore[attr-defined]


def _unclear(row: object) -> str:
    label, amount, unit, interval = _words(row)
    return f"{label} ({amount}{unit}{' ' + interval if interval else ''}{row.among})"  # type: ignore[attr-defined]


def _words(row: object) -> tuple[str, str, str, str]:
    described = metric.describe(row.metric)  # type: ignore[attr-defined]
    unit = " pp" if described.unit == "fraction" else ""
    low, high, mean = (number_text(v, described.unit) for v in (row.low, row.high, row.mean))  # type: ignore[attr-defined]
    interval = "" if low == "–" else f"[{signed(low)}, {signed(high)}]"
    return described.label, signed(mean), unit, interval


def signed(number: str) -> str:
    """A number's text with its sign, the minus sign typographic."""
    return "−" + number[1:] if number.startswith("-") else number if number == "–" else f"+{number}"


def _counted(frame: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Rows for each regularizer and metric: how many configurations stand where against their baselines."""
    for (name, wanted), rows in frame.groupby(["regularizer", "metric"], sort=False):
        survives = rows[rows["verdict"] == "survives"]
        own = int((rows["verdict"] == "own").sum()) + len(survives)
        higher, lower = int((survives["mean"] > 0).sum()), int((survives["mean"] < 0).sum())
        counts = (len(rows), higher, lower, len(rows) - len(survives), own, round(ALPHA * len(rows)))
        yield (str(name), metric.describe(str(wanted)).label, *map(str, counts))


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


def _definitions(records: Records, baseline: Mapping[str, str] | None, positions: Sequence[str]) -> Iterator[str]:
    """Whether a configuration's SSR stands above its baseline's in one definition and below in another."""
    names = [f"ssr/{p}/{n}/{r}" for p in positions for n in metric.NORMALIZATIONS for r in metric.REFERENCES]
    known = set(records.sql("SELECT DISTINCT 'ssr/' || position || '/' || normalization || '/' || reference AS name "
                            "FROM ssr_final JOIN layers USING (run_id, layer) "
                            "WHERE position IN ('first', 'last')")["name"])  # fmt: skip
    try:
        frame = compare.differences(records, baseline, [name for name in names if name in known])
    except AnalysisError:
        return
    frame = frame.dropna(subset="low")  # single runs have no interval to contradict another
    if frame.empty:
        return
    turning = turned(frame)
    total = frame["configuration"].nunique()
    if total > MANY:
        for position, rows in turning.groupby("position", sort=False):
            count = int(rows["turns"].sum())
            yield (
                f"{str(position).capitalize()} layer: in {count} of {total} configurations the order against the "
                "baseline turns with the normalization or the reference (a 95% interval above 0 in "
                "one, below 0 in another)."
            )
        return
    for row in turning.itertuples():
        if row.turns:
            yield (
                f"{str(row.position).capitalize()} layer: the order of {row.configuration} and {row.baseline} turns "
                f"with the definition: higher SSR by {row.above}; lower by {row.below} "
                "(95% intervals on both sides of 0)."
            )
    steady = turning.loc[~turning["turns"], ["position", "configuration"]]
    for position, rows in steady.groupby("position", sort=False):
        yield (
            f"{str(position).capitalize()} layer: no pair of definitions contradict each other beyond their intervals "
            f"for {', '.join(rows['configuration'])}."
        )


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Which differences in SSR have an interval above 0 under one definition and one below 0 under another.

    Args:
        frame: as of ``compare.differences`` of SSRs.

    Returns:
        One row for each configuration and position: configuration, baseline, position, turns, above, below (the
        definitions, as text).
    """
    parts = frame["metric"].str.split("/", expand=True)
    frame = frame.assign(position=parts[1], definition=parts[2] + "/" + parts[3])
    frame = frame.assign(above=frame["low"] > 0, below=frame["high"] < 0)
    keys = ["configuration", "baseline", "position"]
    rows = frame.groupby(keys, sort=False)[["above", "below"]].any().reset_index()
    rows["turns"] = rows["above"] & rows["below"]
    for side in ("above", "below"):
        named = frame[frame[side]].groupby(keys, sort=False)["definition"].agg(", ".join).rename("named")
        rows[side] = rows.merge(named.reset_index(), on=keys, how="left")["named"].fillna("").to_numpy()
    return rows[[*keys, "turns", "above", "below"]]


def _null(records: Records) -> Iterator[str]:
    """Which configurations' mean SSR lies inside the null's 95% range: dc, against init."""
    final = ssr.final_ssr(records)
    final = final[(final["normalization"] == "dc") & (final["reference"] == "init")].dropna(subset="mean")
    null = ssr.null_distribution(records, normalizations=("dc",))[["configuration", "position", "low", "high"]]
    null = null.rename(columns={"low": "null_low", "high": "null_high"})
    rows = final.merge(null, on=["configuration", "position"])
    rows["inside"] = (rows["mean"] >= rows["null_low"]) & (rows["mean"] <= rows["null_high"])
    for position in [p for p in ("first", "last") if (rows["position"] == p).any()]:
        here = rows[rows["position"] == position]
        title = f"{position.capitalize()} layer, dc against init"
        if len(here) > MANY:
            count = f"{here['inside'].sum()} of {len(here)} configurations"
            yield f"{title}: the mean SSR lies inside the null's 95% range in {count}."
            continue
        inside, outside = here[here["inside"]], here[~here["inside"]]
        if len(inside):
            yield (f"{title}: inside the null, not to be told from another random initialisation: {_placed(inside)}.")
        if len(outside):
            yield f"{title}: outside the null: {_placed(outside)}."


def _placed(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{r.configuration} ({signed(number_text(r.mean, '1'))}; null {signed(number_text(r.null_low, '1'))} to "  # type: ignore[arg-type]
        f"{signed(number_text(r.null_high, '1'))}, n = {r.n})"  # type: ignore[arg-type]
        for r in rows.itertuples()
    )


def _cautions(records: Records) -> Iterator[str]:
    missing = aggregate.incomplete_runs(records)
    if len(missing):
        counts = ", ".join(f"{n} {status}" for status, n in missing["status"].value_counts().items())
        worst = missing["configuration"].value_counts()
        named = "; ".join(f"{label} ({n})" for label, n in worst.head(5).items())
        more = f"; and {len(worst) - 5} more configurations" if len(worst) > 5 else ""
        yield f"{len(missing)} runs did not complete ({counts}) and are in no mean: {named}{more}."
    table = records.configurations.table
    single = table[table["complete"] == 1]
    if len(single):
        which = ", ".join(single["configuration"]) if len(single) <= MANY else f"{len(single)} configurations"
        yield f"A single complete run, which has no interval and ranks nothing: {which}."
    yield from aggregate.mixtures(records)
    if records.repeated:
        yield f"{len(records.repeated)} folders hold copies of runs that other folders hold too; each run counts once."
