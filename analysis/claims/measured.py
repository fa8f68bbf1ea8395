"""What the records say of a claim: a paired test for each definition, Holm-corrected over all of a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import metric
from analysis.claims.claim import Claim, Pair, Setting
from analysis.claims.published import difference
from analysis.claims.verdict import verdicts
from analysis.frames import ssr
from analysis.load import Records
from analysis.statistics.multiplicity import holm
from analysis.statistics.paired import paired_differences

BY = ["comparison", "definition"]
LAYERS = (
    "SELECT configuration, seed, layer, depth, normalization, reference, favg(value) AS value "
    "FROM (SELECT * FROM ssr_final WHERE value IS NOT NULL AND status <> 'no_high_band') AS ssr_final "
    "JOIN (SELECT run_id, configuration, seed FROM runs WHERE status = 'complete') USING (run_id) "
    "GROUP BY ALL ORDER BY ALL"
)
"""SSR of every layer after the last epoch, a row a configuration and seed."""
MASKS = (
    "SELECT configuration, seed, layer, depth, epoch, favg(value) AS value "
    "FROM regularizer JOIN (SELECT DISTINCT run_id, layer, depth FROM spectra) USING (run_id, layer) "
    "JOIN (SELECT run_id, configuration, seed, epoch AS final FROM runs JOIN run USING (run_id, status) "
    "WHERE status = 'complete') USING (run_id) "
    "WHERE quantity = 'share_removed' AND epoch IN (0, final) GROUP BY ALL ORDER BY ALL"
)
"""Share of the spectrum that masks remove, per layer, before the first update and after the last epoch."""
DEEPER = "mean over deeper layers"
CORRELATION = "rank correlation with depth"
SHARE, CHANGE = "share removed", "change in share since initialisation"
ENDS = "last minus first layer"


def tested(records: Records, claim: Claim, setting: Setting, study: Mapping[str, Any]) -> pd.DataFrame:
    """Every test of a claim in one setting.

    Args:
        study: the published numbers, one of :func:`analysis.claims.claim.studies`.

    Returns:
        One row a comparison and definition, in the claim's order: comparison, definition, unit, sign (what the claim
        says: +1 higher, -1 lower, 0 nothing), claimed (whether it was published under this definition), published and
        computed (:func:`analysis.claims.published.difference`), null_low, null_high, null_n (of SSRs against init),
        the statistics of ``paired_differences``, p_holm over all rows, verdict. ``attrs["absent"]`` names definitions
        without a value.
    """
    pairs = {pair.words: pair for pair in setting.pairs}
    treated, baseline, wanted = _values(records, claim, setting)
    if claim.kind != "metrics":
        wanted = list(dict.fromkeys(treated["definition"]))
    found = paired_differences(treated, baseline, BY)
    found["p_holm"] = holm(found["p"])
    order = pd.DataFrame([(p, d) for p in pairs for d in wanted], columns=BY)
    frame = order.merge(found, on=BY)
    known = {*frame["definition"], *(name for pair in setting.pairs for name in pair.again)}
    absent = [d for d in wanted if d not in known]
    frame["unit"] = [unit(d) for d in frame["definition"]]
    frame["sign"] = [sign(claim, d) for d in frame["definition"]]
    frame["claimed"] = frame["definition"].isin(list(claim.claimed))
    rows = zip(frame["comparison"], frame["definition"], strict=True)
    told = [difference(study, *pairs[c].sides, d) for c, d in rows]
    frame["published"] = pd.Series([value for value, _ in told], frame.index, dtype=float)
    frame["computed"] = pd.Series([computed for _, computed in told], frame.index, dtype=bool)
    frame = _with_null(records, frame, pairs)
    frame["verdict"] = verdicts(frame)
    frame.attrs["absent"] = absent
    return frame


def sign(claim: Claim, definition: str) -> int:
    """What the claim says under a definition: a drop is higher where an accuracy is lower."""
    if claim.kind == "depth" and definition.startswith(CORRELATION):
        return 0
    return -claim.direction if definition.startswith("drop/") else claim.direction


def unit(definition: str) -> str:
    """``fraction`` for shares and accuracies, ``1`` for SSRs and correlations."""
    if definition.startswith((DEEPER, CORRELATION)) or definition.endswith(CORRELATION):
        return "1"
    return "fraction" if definition.startswith((SHARE, CHANGE)) else metric.describe(definition).unit


def _values(records: Records, claim: Claim, setting: Setting) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Values of both sides (comparison, definition, seed, value), and the definitions that were asked for."""
    if claim.kind == "metrics":
        names = expanded(claim.metrics)
        values = metric.values(records, names).dropna(subset="value").rename(columns={"metric": "definition"})
        return *_sides(values, setting.pairs), names
    parts = [_depth(records, p) if claim.kind == "depth" else _masks(records, p) for p in setting.pairs]
    frame = pd.concat(parts, ignore_index=True)
    columns = [*BY, "seed", "value"]
    return frame[columns], frame[columns].assign(value=frame["baseline"]), []


def expanded(names: Sequence[str]) -> list[str]:
    """Names of metrics; ``ssr/first/*`` stands for every normalization and reference."""
    every = [f"{n}/{r}" for n in metric.NORMALIZATIONS for r in metric.REFERENCES]
    return [whole for name in names for whole in ([name[:-1] + e for e in every] if name.endswith("*") else [name])]


def _sides(values: pd.DataFrame, pairs: Sequence[Pair]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The values of each comparison's two configurations."""
    columns = [*BY, "seed", "value"]
    above = [
        values[(values["configuration"] == p.treated) & ~values["definition"].isin(p.again)].assign(comparison=p.words)[
            columns
        ]
        for p in pairs
    ]
    below = [values[values["configuration"] == p.baseline].assign(comparison=p.words)[columns] for p in pairs]
    return pd.concat(above, ignore_index=True), pd.concat(below, ignore_index=True)


def layer_differences(records: Records, pair: Pair) -> pd.DataFrame:
    """SSR of the treated and of the baseline in every layer: layer, depth, definition, seed, value, baseline."""
    values = records.sql(LAYERS)
    values["definition"] = values["normalization"] + "/" + values["reference"]
    above, below = (values[values["configuration"] == label] for label in (pair.treated, pair.baseline))
    keys = ["layer", "depth", "definition", "seed"]
    both = above[[*keys, "value"]].merge(below[[*keys, "value"]].rename(columns={"value": "baseline"}), on=keys)
    return both.sort_values(["depth", "layer"], kind="stable", ignore_index=True)


def _depth(records: Records, pair: Pair) -> pd.DataFrame:
    """Per seed and definition: mean SSR of all layers but the first, and how the difference goes with depth."""
    both = layer_differences(records, pair)
    both["difference"] = both["value"] - both["baseline"]
    rows = []
    for name in (f"{n}/{r}" for n in metric.NORMALIZATIONS for r in metric.REFERENCES):
        some = both[both["definition"] == name]
        layers = some["layer"].nunique()
        for seed, group in some.groupby("seed", sort=True):
            deeper = group[group["depth"] > some["depth"].min()]
            if len(group) < layers or deeper.empty:  # a mean over fewer layers is another quantity
                continue
            rows.append((f"{DEEPER} {name}", seed, deeper["value"].mean(), deeper["baseline"].mean()))
            rows.append((f"{CORRELATION} {name}", seed, rank_correlation(group["depth"], group["difference"]), 0.0))
    frame = pd.DataFrame(rows, columns=["definition", "seed", "value", "baseline"]).dropna(subset="value")
    order = frame["definition"].str.startswith(CORRELATION).sort_values(kind="stable").index  # means first
    return frame.assign(comparison=pair.words).loc[order, [*BY, "seed", "value", "baseline"]]


def _masks(records: Records, pair: Pair) -> pd.DataFrame:
    """Per seed: share removed, and its change over training, from the first to the last layer and by rank."""
    shares = records.sql(MASKS)
    shares = shares[shares["configuration"] == pair.treated]
    rows: list[tuple[str, str, float, float]] = []
    for seed, group in shares.groupby("seed", sort=True):
        table = group.pivot_table(index=["depth", "layer"], columns="epoch", values="value").sort_index()
        if int(table.columns[-1]) == 0:  # nothing is recorded of the last epoch
            continue
        end = table.iloc[:, -1].dropna()
        depth = pd.Series(end.index.get_level_values("depth"), end.index)
        quantities = {SHARE: end} | ({CHANGE: end - table.loc[end.index, 0]} if 0 in table else {})
        for name, share in quantities.items():
            if len(share) > 1:
                rows.append((f"{name}, {ENDS}", str(seed), share.iloc[-1], share.iloc[0]))
            if len(share) > 2:  # of two layers the rank correlation is 1 or -1, whatever they do
                rows.append((f"{name}, {CORRELATION}", str(seed), rank_correlation(depth, share), 0.0))
    frame = pd.DataFrame(rows, columns=["definition", "seed", "value", "baseline"]).dropna(subset="value")
    return frame.assign(comparison=pair.words)


def rank_correlation(x: pd.Series, y: pd.Series) -> float:
    """Spearman's rank correlation; missing below 3 values or where all are equal."""
    if len(x) < 3:
        return float("nan")
    a, b = (series.rank().to_numpy(dtype=float) for series in (x, y))
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else float("nan")


def _with_null(records: Records, frame: pd.DataFrame, pairs: Mapping[str, Pair]) -> pd.DataFrame:
    """The null of SSRs against the initialisation: what two random initialisations of that layer differ by."""
    columns = ["null_low", "null_high", "null_n"]
    parsed = list(_null_keys(frame, pairs))
    if not any(parsed):
        return frame.assign(**dict.fromkeys(columns, np.nan))
    rows: list[Any] = list(ssr.null_distribution(records).itertuples())
    known = {(row.configuration, row.position, row.normalization): (row.low, row.high, row.n) for row in rows}
    nothing = (np.nan, np.nan, np.nan)
    values = [known.get(key, nothing) if key else nothing for key in parsed]
    return frame.assign(**dict(zip(columns, np.array(values, dtype=float).T, strict=True)))


def _null_keys(frame: pd.DataFrame, pairs: Mapping[str, Pair]) -> Iterator[tuple[str, str, str] | None]:
    for comparison, definition in zip(frame["comparison"], frame["definition"], strict=True):
        parts = str(definition).split("/")
        against_init = parts[0] == "ssr" and len(parts) == 4 and parts[3] == "init"
        yield (pairs[comparison].treated, parts[1], parts[2]) if against_init else None
