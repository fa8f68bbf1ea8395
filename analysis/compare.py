"""Differences of configurations from a baseline, paired by seed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from analysis import evaluations, metric, unpaired
from analysis.aggregate import DESCRIPTION, lowest_n
from analysis.configuration import PREFIX, REGULARIZER, SEED, Configurations, unregularized
from analysis.confounding import confounded
from analysis.filter import same
from analysis.formatting import (
    LATEX_HEAD,
    cut_in_the_middle,
    estimate_text,
    is_missing,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    p_text,
    printable,
    value_text,
    wrapped,
)
from analysis.layout import fitted
from analysis.load import AnalysisError, Records
from analysis.statistics.multiplicity import holm, what_n_allows
from analysis.statistics.paired import paired_differences

MATCHES = ("validation_accuracy", "validation_loss", "validation_mse")
"""Metrics by which a baseline may be chosen: they read no test data."""
STATISTICS = [
    "mean", "half_width", "low", "high", "sd", "n", "method", "p", "p_holm", "hedges_g", "g_low", "g_high", "can_reach",
]  # fmt: skip


def default_metrics(records: Records) -> list[str]:
    """Clean accuracy, accuracy under each corruption at each parameter, every SSR of the first and the last layer.

    Of runs that fit functions: the test error and what is explained of each frequency.
    """
    default = metric.headline(records)
    points = records.sql(
        "SELECT DISTINCT corruption, severity, format('{:.12g}', parameter) AS parameter FROM corrupted ORDER BY ALL"
    )
    robust = dict.fromkeys("accuracy/" + points["corruption"] + "/" + points["parameter"])
    normalizations = records.sql("SELECT DISTINCT position, normalization, reference FROM ssr_final "
                                 "JOIN layers USING (run_id, layer) WHERE position IN ('first', 'last')")  # fmt: skip
    present = set(normalizations.itertuples(index=False, name=None))
    ssr = [
        f"ssr/{layer}/{normalization}/{reference}"
        for layer in ("first", "last")
        for normalization in metric.NORMALIZATIONS
        for reference in metric.REFERENCES
        if (layer, normalization, reference) in present
    ]
    clean = [name for name in ("clean_accuracy", "test_mse") if name in default]
    return [*clean, *robust, *ssr, *(name for name in default if name.startswith(f"{metric.EXPLAINED}/"))]


def differences(
    records: Records,
    baseline: Mapping[str, str] | None = None,
    metrics: Sequence[str] | None = None,
    match: str | None = None,
) -> pd.DataFrame:
    """Paired differences (configuration minus baseline) in every metric, with interval, p and Holm-adjusted p.

    The family of Holm's correction is every test of the returned frame. What an evaluation measured of networks whose
    training is here as well is no test of its own (:mod:`analysis.evaluations`).

    Args:
        baseline: what the baseline's configuration says, such as ``{"regularizer": "none"}``; the default is
            ``regularizer=none``, or strength 0 in contexts without ``none``. Each configuration is compared with the
            baseline that agrees with it in everything else that differs (model, data set, ...): its context.
        metrics: names as in :mod:`analysis.metric`; :func:`default_metrics` if left out.
        match: one of :data:`MATCHES`: where several configurations fit the baseline, such as strengths of one
            regularizer, the one whose mean in it is nearest. The metric is compared first, which says how near.

    Returns:
        One row for each configuration that has a baseline and each metric: the description, baseline (label), metric,
        mean, half_width, low, high, sd (of the differences), n (pairs), method, p, p_holm, hedges_g, g_low, g_high
        and can_reach, as :func:`analysis.statistics.paired.paired_differences` has them. ``attrs["unpaired"]`` says in
        words which configurations have no row and why.

    Raises:
        AnalysisError: unknown metric, or no configuration is such a baseline.
    """
    candidates, agreeing = _candidates(records.configurations, baseline)
    partner = baselines(records.configurations, baseline, None if match is None else _means(records, match))
    names = list(metrics) if metrics is not None else default_metrics(records)
    names = [name for name in ([match] if match else []) if name not in names] + names
    metric.check(records, names)
    values = metric.values(records, names).dropna(subset="value")
    by = ["configuration", "metric"]
    treated = values[values["configuration"].isin(list(partner))]
    pairs = pd.DataFrame(list(partner.items()), columns=["configuration", "baseline"])
    reference = pairs.merge(values.rename(columns={"configuration": "baseline"}), on="baseline")
    result = paired_differences(treated, reference[[*by, "seed", "value"]], by)
    again = evaluations.repeated(records, partner.items())
    keys = zip(result["configuration"], result["metric"], strict=True)
    new = [name not in again.metrics.get((label, partner[label]), ()) for label, name in keys]
    result = result[pd.Series(new, result.index, dtype=bool)]
    result["p_holm"] = holm(result["p"])
    frame = _ordered(records, result.merge(pairs, on="configuration"), names)
    compared = {*frame["configuration"], *(label for label, _ in again.metrics)}
    frame.attrs["unpaired"] = unpaired.reasons(records.configurations, candidates, partner, agreeing, compared)
    frame.attrs["again"] = [
        f"Counted once: the networks of {_short(label)} are those of {_short(other)}; what was measured of them on the "
        "same data, and in training, is compared there alone."
        for (label, _), (other, _) in again.first.items()
    ]
    frame.attrs["match"] = match
    called = {(one, other): f"{_short(one)} minus {_short(other)}" for one, other in partner.items()}
    frame.attrs["confounded"] = confounded(records, called)
    return frame


def _short(label: str) -> str:
    return cut_in_the_middle(value_text(label), unpaired.LONGEST)


def _means(records: Records, match: str) -> dict[str, float]:
    """Mean of the metric in each configuration that has one."""
    if match not in MATCHES:
        raise AnalysisError(
            f"--match {match}: expected {', '.join(MATCHES)}. What is matched chooses the baseline, and test data "
            "chooses nothing."
        )
    metric.check(records, [match])
    found = metric.values(records, [match]).dropna(subset="value").groupby("configuration")["value"].mean()
    return {str(label): float(value) for label, value in found.items()}


def _ordered(records: Records, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    table = records.configurations.table[[*DESCRIPTION, "order"]]
    frame = frame.merge(table, on="configuration")
    frame["place"] = frame["metric"].map({name: i for i, name in enumerate(names)})
    frame = frame.sort_values(["order", "place"], ignore_index=True)
    return frame[[*DESCRIPTION, "baseline", "metric", *STATISTICS]]


def baselines(
    configurations: Configurations,
    baseline: Mapping[str, str] | None = None,
    near: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """The baseline of every configuration that has one: label -> label of the baseline.

    Args:
        near: a value for each label: of several that fit, the one with the nearest value is the baseline.

    Raises:
        AnalysisError: a key or value of ``baseline`` is not among the configurations, none is a default baseline, or
            several fit one configuration.
    """
    candidates, rest = _candidates(configurations, baseline)
    contexts = _contexts(configurations, rest)
    partner: dict[str, str] = {}
    for label, context in contexts.items():
        fitting = [c for c in candidates if contexts[c] == context]
        if near is not None:
            fitting = [] if label in candidates else _nearest(fitting, label, near)
        if len(fitting) > 1:
            raise AnalysisError(
                f"{len(fitting)} configurations fit the baseline of '{label}': {'; '.join(fitting)}. "
                "Say more: --baseline KEY=VALUE --baseline KEY=VALUE."
            )
        if fitting and fitting[0] != label:
            partner[label] = fitting[0]
    return partner


def _nearest(fitting: Sequence[str], label: str, near: Mapping[str, float]) -> list[str]:
    """The one of ``fitting`` that is nearest; the first of them where there is nothing to measure by."""
    measured = [c for c in fitting if c in near and label in near]
    return [min(measured, key=lambda c: abs(near[c] - near[label]))] if measured else list(fitting[:1])


def _candidates(configurations: Configurations, baseline: Mapping[str, str] | None) -> tuple[list[str], list[str]]:
    """Labels of the baselines, and the columns in which a configuration must agree with its own."""
    groups = {key.partition(".")[0] for key in baseline or ("regularizer",)}
    rest = [c for c in configurations.differing if c.removeprefix(PREFIX).partition(".")[0] not in groups]
    return _matching(configurations, baseline) if baseline else _undisturbed(configurations, rest), rest


def _contexts(configurations: Configurations, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What each configuration has in some columns, as text."""
    rows = configurations.choices[list(columns)].itertuples(name=None)
    return {str(label): tuple(map(value_text, row)) for label, *row in rows}


def _undisturbed(configurations: Configurations, agreeing: Sequence[str]) -> list[str]:
    """Configurations without regularization: ``none`` of each context, or strength 0 in one that has no ``none``."""
    choices, contexts = configurations.choices, _contexts(configurations, agreeing)
    none = [str(label) for label, row in choices.iterrows() if row.get(REGULARIZER) == "none"]
    served = {contexts[label] for label in none}
    zero = [
        str(label) for label, row in choices.iterrows() if unregularized(row) and contexts[str(label)] not in served
    ]
    if none or zero:
        return [*none, *zero]
    if len(choices) == 1:
        raise AnalysisError(
            f"there is one configuration only ({value_text(choices.index[0])}), and nothing to compare it with. "
            "Give the folder of the sweep, or several folders."
        )
    raise AnalysisError(
        "no baseline: no configuration has regularizer=none or strength 0. Choose one with --baseline KEY=VALUE; "
        f"the configurations differ in {_keys(configurations)}."
    )


def _matching(configurations: Configurations, baseline: Mapping[str, str]) -> list[str]:
    choices = configurations.choices
    fits = pd.Series(True, choices.index)
    for key, wanted in baseline.items():
        column = PREFIX + key
        if column not in choices:
            near = difflib.get_close_matches(key, [c.removeprefix(PREFIX) for c in choices.columns], 3, 0.5)
            hint = " Seeds are paired, not compared." if column == SEED else ""
            hint += f" Did you mean {' or '.join(near)}?" if near else ""
            raise AnalysisError(f"unknown baseline key '{key}'.{hint} Differing here: {_keys(configurations)}.")
        equal = choices[column].map(lambda value, wanted=wanted: same(value, wanted))
        if not equal.any():
            existing = ", ".join(dict.fromkeys(value_text(v) for v in choices[column] if not is_missing(v)))
            raise AnalysisError(f"no configuration has {key}={wanted}. Values here: {existing}.")
        fits &= equal.astype(bool)
    if not fits.any():
        raise AnalysisError(f"no configuration fulfils all of --baseline {dict(baseline)}.")
    return [str(label) for label in choices.index[fits]]


def _keys(configurations: Configurations) -> str:
    return ", ".join(c.removeprefix(PREFIX) for c in configurations.differing) or "nothing"


def export(frame: pd.DataFrame) -> pd.DataFrame:
    """The differences as a frame for other programs: configuration, baseline, metric, unit, then the statistics."""
    told = frame[["configuration", "baseline", "metric"]].copy()
    told["unit"] = [metric.describe(name).unit for name in told["metric"]]
    return pd.concat([told, frame[STATISTICS]], axis=1)


HEADER = ["metric", "difference", "g", "n", "p", "Holm p"]


def cells(frame: pd.DataFrame) -> list[list[str]]:
    """Rows of text: metric, difference ± half-width (percentage points for accuracies), g, n, p, Holm's p."""
    rows = []
    columns = ["metric", "mean", "half_width", "hedges_g", "n", "p", "p_holm"]
    for name, mean, half_width, g, n, p, p_holm in zip(*(frame[c].tolist() for c in columns), strict=True):
        described = metric.describe(name)
        label = printable(described.label) + (" pp" if described.unit == "fraction" else "")
        difference = estimate_text(mean, half_width, described.unit, signed=True)
        effect = estimate_text(g, math.nan, "1", signed=True)
        rows.append([label, difference, effect, str(n), p_text(p), p_text(p_holm)])
    return rows


def terminal(frame: pd.DataFrame, *, markdown: bool = False, width: int = 80) -> str:
    """The comparison as text, a block for each configuration, then what the numbers are and what n allows."""
    lines: list[str] = []
    for title, rows in _blocks(frame):
        if markdown:
            lines += ["### " + markdown_text(title), "", *markdown_grid(HEADER, rows), ""]
        else:
            labels = [row[0] for row in rows]
            lines += [*wrapped(title, width), *fitted(HEADER[:1], HEADER[1:], rows, labels, width, counted=0)]
    return "\n".join(lines + [part for sentence in footer(frame) for part in wrapped(sentence, width)])


def latex(frame: pd.DataFrame) -> str:
    """The comparison as LaTeX tabulars (package booktabs), one for each configuration; the notes stand as comments."""
    lines = [LATEX_HEAD]
    for title, rows in _blocks(frame):
        lines += [f"% {latex_text(title)}", *latex_grid(HEADER, rows), ""]
    return "\n".join([*lines, *(f"% {latex_text(sentence)}" for sentence in footer(frame))])


def _blocks(frame: pd.DataFrame) -> Iterator[tuple[str, list[list[str]]]]:
    """Title and rows of text of each configuration."""
    for configuration, block in frame.groupby("configuration", sort=False):
        yield printable(f"{configuration}  minus  {block['baseline'].iloc[0]}"), cells(block)


def footer(frame: pd.DataFrame) -> list[str]:
    """In words: pairing, interval, units, family of the correction, what n can show, and what was not compared."""
    missing = [f"Not compared: {reason}" for reason in frame.attrs.get("unpaired", [])]
    if frame.empty:
        return ["There is nothing to compare.", *(text.removeprefix("Not compared: ") for text in missing)]
    tests = int(frame["p"].notna().sum())
    shown = list(dict.fromkeys(frame["metric"]))
    sentences = [
        "difference: configuration minus baseline, paired by seed, mean ± half-width of the 95% Student-t interval "
        "over n pairs; "
        + (f"accuracies ({split}) in percentage points (pp). " if (split := metric.accuracies_note(shown)) else "")
        + "p: two-sided paired t test; missing where the differences have no spread."
        + (f" Holm p: corrected over the family of all {tests} tests shown." if tests else "")
    ]
    if frame.attrs.get("match"):
        sentences.append(
            f"Baseline of each: of the configurations that fit, the one nearest in mean {frame.attrs['match']} of the "
            "validation split; the first row says how near."
        )
    if frame["hedges_g"].notna().any():
        sentences.append(
            "g: Hedges' g, the mean of the paired differences in their own standard deviations, corrected for few "
            "pairs; uncertain at small n, its 95% intervals are in --format csv."
        )
    for n in sorted({lowest_n(frame), int(frame["n"].max())}):
        sentences.append(what_n_allows(n, tests))
    return [*sentences, *frame.attrs.get("again", []), *frame.attrs.get("confounded", []), *missing]
