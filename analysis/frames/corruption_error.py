"""Corruption errors of configurations: per seed, against the baseline of the same images, then over seeds.

The formulas are those of :mod:`analysis.corruption_error.formula`. With a baseline of the same seeds every seed is
divided by the baseline's run of that seed (paired); otherwise by the baseline's mean over its seeds. Images computed
here and each published set are answered for on their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.corruption_error.benchmark import OWN_NAMES, benchmark_name, other_constants
from analysis.corruption_error.formula import (
    BENCHMARK,
    SEVERITIES,
    Baseline,
    corruption_error,
    increase,
    mean_accuracy,
    mean_corruption_error,
)
from analysis.corruption_error.tested_images import COMPUTED
from analysis.formatting import value_text
from analysis.load import AnalysisError, Records
from analysis.metric import quoted
from analysis.statistics.estimate import summarize

KEYS = ["images", "configuration", "seed"]
MOST = 3
"""Most sentences, and most configurations in one, on runs that cannot be scored."""
MEND = (
    "Score trained runs with: frequency-reg evaluate PATH suite=cifar10_c (or corruption=[cifar10c], the published "
    "images)."
)
QUERY = f"""
    SELECT configuration, seed, corruption, severity, parameter,
           CASE WHEN count(accuracy) = count(*) THEN 1 - favg(accuracy) END AS error, 1 - favg(clean) AS clean_error
    FROM corrupted JOIN runs USING (run_id)
    WHERE status = 'complete'
    AND list_last(string_split(corruption, ':')) IN ({", ".join(map(quoted, [*BENCHMARK, *OWN_NAMES]))})
    GROUP BY configuration, seed, corruption, severity, parameter ORDER BY ALL"""


@dataclass(frozen=True)
class Scored:
    """Errors of runs on the whole benchmark.

    Attributes:
        sums: index (images, configuration, seed), a column for each corruption: its errors' sum over the severities.
        clean: same index: error on the clean test set, missing where it is not known.
        gaps: the runs that are not whole: same kind of index, columns (corruption, severity), true where there is none.
        others: (configuration, corruption as recorded) -> in words, which constants are not the benchmark's.
    """

    sums: pd.DataFrame
    clean: pd.Series
    gaps: pd.DataFrame
    others: Mapping[tuple[str, str], str]


def scored(records: Records) -> Scored:
    """Complete runs on every kind of images on which they have the 15 corruptions x 5 severities."""
    rows = records.sql(QUERY)
    points = rows[["configuration", "corruption", "severity", "parameter"]].drop_duplicates()
    others = other_constants(points, records.configurations.choices)
    rows["images"] = [name.rpartition(":")[0] or COMPUTED for name in rows["corruption"]]
    sets = rows[KEYS].drop_duplicates()
    recorded = pd.MultiIndex.from_frame(rows[["configuration", "corruption"]])
    kept = rows[~recorded.isin(list(others))]
    # A preset of the benchmark's constants beside a default that was given the same ones: one of both.
    own = kept["corruption"].isin(list(OWN_NAMES))
    kept = kept.assign(corruption=kept["corruption"].map(benchmark_name), default=~own)
    kept = kept.sort_values("default", kind="stable").drop_duplicates([*KEYS, "corruption", "severity"])
    wanted = pd.MultiIndex.from_product([BENCHMARK, SEVERITIES], names=["corruption", "severity"])
    errors = kept.set_index([*KEYS, "corruption", "severity"])["error"].unstack(["corruption", "severity"])  # noqa: PD010
    errors = errors.reindex(index=pd.MultiIndex.from_frame(sets), columns=wanted).sort_index()
    whole = errors.notna().all(axis=1)
    sums = errors[whole].T.groupby(level="corruption", sort=False).sum().T
    clean = kept.groupby(KEYS)["clean_error"].first().reindex(sums.index)
    return Scored(sums, clean, errors[~whole].isna(), others)


def lacking_sentences(found: Scored) -> list[str]:
    """In words, which runs lack what; runs that lack the same stand together."""
    constants: dict[str, dict[str, str]] = {}
    for (label, recorded), words in found.others.items():
        constants.setdefault(label, {})[recorded] = words
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    known: dict[tuple[str, str, bytes], str] = {}
    index = found.gaps.index.to_frame(index=False)
    rows = zip(index["images"], index["configuration"], index["seed"], found.gaps.to_numpy(), strict=True)
    for images, label, seed, row in rows:
        pattern = (images, label, row.tobytes())
        if pattern not in known:
            known[pattern] = _lacking(row, constants.get(label, {}) if images == COMPUTED else {})
        groups.setdefault((images, known[pattern]), {}).setdefault(label, []).append(seed)
    sentences = []
    for (images, words), labels in groups.items():
        named = [f"{value_text(label)} (seed {', '.join(map(value_text, seeds))})" for label, seeds in labels.items()]
        more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
        sentences.append(f"Not scored on {images_text(images)}: {'; '.join(named[:MOST])}{more}: {words}.")
    surplus = len(sentences) - MOST
    return sentences[:MOST] + ([f"Not scored either: {surplus} more kinds of runs."] if surplus > 0 else [])


def _lacking(gaps: npt.NDArray[np.bool_], constants: Mapping[str, str]) -> str:
    """What a run lacks: the benchmark's constants, corruptions, severities."""
    texts = [f"{name} is not the benchmark's ({words})" for name, words in constants.items()]
    by_name = dict(zip(BENCHMARK, gaps.reshape(len(BENCHMARK), len(SEVERITIES)), strict=True))
    rest = {name: row for name, row in by_name.items() if name not in {benchmark_name(other) for other in constants}}
    none = [name for name, row in rest.items() if row.all()]
    if none:
        texts.append("no " + ", ".join(none[:6]) + (f", ... ({len(none)} of the 15)" if len(none) > 6 else ""))
    for name, row in rest.items():
        at = [str(severity) for severity, gap in zip(SEVERITIES, row, strict=True) if gap]
        texts += [f"no {name} at severity {', '.join(at)}"] if at and name not in none else []
    return "; ".join(texts)


def images_text(images: str) -> str:
    """The images in words."""
    return "images computed here" if images == COMPUTED else f"the published images {value_text(images)}"


@dataclass(frozen=True)
class Reference:
    """What errors are divided by.

    Attributes:
        scored: the baselines' errors.
        partner: (images, configuration) -> label of its baseline in ``scored``, which was tested on the same images;
            what has none has no ratio.
        names: label in ``scored`` -> how it is shown: whose errors these are.
        within: whether the baselines are configurations of the same records.
        cautions: in words, which baselines are none because of other images, and whose images other code made.
    """

    scored: Scored
    partner: Mapping[tuple[str, str], str]
    names: Mapping[str, str]
    within: bool
    cautions: tuple[str, ...] = ()


def published_table(baseline: Baseline, configurations: Sequence[str]) -> Reference:
    """A reference from a table: the one baseline of every configuration.

    Raises:
        AnalysisError: the table lacks some of the 15 corruptions x 5 severities.
    """
    label = baseline.provenance
    images = baseline.origin or COMPUTED
    index = pd.MultiIndex.from_tuples([(images, label, "table")], names=KEYS)
    sums = pd.DataFrame(baseline.sums[list(BENCHMARK)].to_numpy()[None], index, list(BENCHMARK))
    clean = pd.Series([baseline.clean], index, dtype=float)
    whole = Scored(sums, clean, pd.DataFrame(), {})
    return Reference(whole, {(images, one): label for one in configurations}, {label: label}, within=False)


@dataclass(frozen=True)
class Found:
    """Corruption errors of configurations.

    Attributes:
        values: images, configuration, seed, metric, value: one value a seed. The metrics, all fractions: clean_error,
            mean_accuracy, error/NAME (mean over severities), and with a baseline mce, relative_mce, ce/NAME and
            relative_ce/NAME.
        estimates: images, configuration, metric and the columns of :func:`analysis.statistics.estimate.summarize`, in
            display order. A baseline is 1 by definition: it has no interval.
        baselines: index (images, configuration): baseline (as shown; missing without one), paired (bool), is_baseline.
        unfit: in words, where a ratio does not exist.
        cautions: those of the reference.
    """

    values: pd.DataFrame
    estimates: pd.DataFrame
    baselines: pd.DataFrame
    unfit: tuple[str, ...]
    cautions: tuple[str, ...] = ()


def corruption_errors(records: Records, found: Scored, reference: Reference | None = None) -> Found:
    """Corruption errors of every configuration that ``found`` has, against its baseline in ``reference``.

    Raises:
        AnalysisError: no run is whole; the message says what is missing.
    """
    if found.sums.empty:
        reasons = " ".join(lacking_sentences(found)) or "No corruption of that name is recorded."
        raise AnalysisError(
            f"{value_text(records.name)}: no complete run has the benchmark's 15 corruptions at severities 1 to 5. "
            f"{reasons} {MEND}"
        )
    errors = found.sums / len(SEVERITIES)
    wide = {"clean_error": found.clean, "mean_accuracy": mean_accuracy(found.sums)}
    baselines = pd.DataFrame({"baseline": None, "paired": False, "is_baseline": False}, _sets(found.sums).unique())
    unfit: list[str] = []
    if reference is not None:
        base = _aligned(found, reference)
        ratios, unfit = _ratios(found, base)
        wide |= ratios
        baselines = base.told
    wide |= {f"error/{name}": errors[name] for name in BENCHMARK}
    frame = pd.DataFrame(wide).reset_index().melt(KEYS, var_name="metric")
    cautions = reference.cautions if reference is not None else ()
    return Found(frame, _estimates(records, frame, baselines), baselines, tuple(unfit), cautions)


def _sets(frame: pd.DataFrame) -> pd.MultiIndex:
    """(images, configuration) of every row."""
    return pd.MultiIndex.from_frame(frame.index.to_frame(index=False)[KEYS[:2]])


@dataclass(frozen=True)
class _Base:
    """What every row is divided by: sums and clean errors, index as the rows; ``told`` as ``Found.baselines``."""

    sums: pd.DataFrame
    clean: pd.Series
    told: pd.DataFrame


def _aligned(found: Scored, reference: Reference) -> _Base:
    """The baseline of every row: of the same seed where all seeds of the configuration have one, else its mean."""
    keys = found.sums.index.to_frame(index=False)
    pairs = zip(keys["images"], keys["configuration"], strict=True)
    label = pd.Series([reference.partner.get(pair) for pair in pairs], dtype=object)
    base = reference.scored.sums.assign(clean=reference.scored.clean)
    means = base.groupby(KEYS[:2]).mean()
    same = pd.MultiIndex.from_arrays([keys["images"], label, keys["seed"]], names=KEYS)
    apart = pd.MultiIndex.from_arrays([keys["images"], label], names=KEYS[:2])
    paired = pd.Series(same.isin(base.index)).groupby([keys["images"], keys["configuration"]]).transform("all")
    by_seed, by_mean = base.reindex(same).to_numpy(), means.reindex(apart).to_numpy()
    chosen = pd.DataFrame(np.where(paired.to_numpy()[:, None], by_seed, by_mean), found.sums.index, base.columns)
    told = pd.DataFrame(
        {
            "baseline": label.map(dict(reference.names)).where(apart.isin(means.index)).to_numpy(),
            "paired": paired.to_numpy(),
            "is_baseline": ((label == keys["configuration"]) & reference.within).to_numpy(),
        },
        _sets(found.sums),
    )
    return _Base(chosen[list(BENCHMARK)], chosen["clean"], told[~told.index.duplicated()])


def _ratios(found: Scored, base: _Base) -> tuple[dict[str, pd.Series], list[str]]:
    """CE, relative CE and their means by metric; a ratio whose divisor is not above 0 is missing, and said so."""
    means: dict[str, pd.Series] = {}
    each: dict[str, pd.Series] = {}
    unfit: list[str] = []
    for prefix in ("", "relative_"):
        model, divisor = (increase(errors.sums, errors.clean) if prefix else errors.sums for errors in (found, base))
        ratio = corruption_error(model, divisor)
        means[f"{prefix}mce"] = mean_corruption_error(ratio)
        each |= {f"{prefix}ce/{name}": ratio[name] for name in BENCHMARK}
        unfit += _unfit(divisor, base.told, prefix)
    return {**means, **each}, unfit


def _unfit(divisor: pd.DataFrame, told: pd.DataFrame, prefix: str) -> Iterator[str]:
    """In words, which baselines cannot be divided by."""
    sets = _sets(divisor)
    shown = told["baseline"].reindex(sets).to_numpy()
    noun, loss = ("relative mCE", "loses nothing") if prefix else ("mCE", "makes no error")
    for (images, baseline), rows in divisor.groupby([sets.get_level_values("images"), shown]):
        where = f"No {noun} on {images_text(str(images))} against {value_text(baseline)}: "
        names = [name for name in BENCHMARK if (rows[name] <= 0).any()]
        if names:
            yield f"{where}under {', '.join(names)} it {loss} (of a seed at least). Choose another baseline."
        elif rows.isna().any(axis=None):
            yield f"{where}its clean error is not known."


def _estimates(records: Records, values: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over seeds, in display order: computed images first."""
    keys = ["images", "configuration", "metric"]
    frame = summarize(values, keys)
    own = baselines["is_baseline"].astype(bool).reindex(pd.MultiIndex.from_frame(frame[keys[:2]])).to_numpy()
    defined = own & frame["metric"].str.contains(r"ce$|ce/").to_numpy()
    frame.loc[defined, ["half_width", "low", "high", "sd"]] = np.nan
    frame.loc[defined, "method"] = None
    places = {str(name): i for i, name in enumerate(values["metric"].unique())}
    order = {str(label): i for i, label in enumerate(records.configurations.table["configuration"])}
    sort = pd.DataFrame(
        {
            "images": frame["images"].where(frame["images"] != COMPUTED, ""),
            "place": frame["configuration"].map(order),
            "metric": frame["metric"].map(places),
        }
    )
    return frame.loc[sort.sort_values(["images", "place", "metric"]).index].reset_index(drop=True)
