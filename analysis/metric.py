"""The metrics of a run: their names, units, definitions, and their values computed from the records.

Names are paths: ``clean_accuracy``, ``corrupted_accuracy``, ``accuracy/gaussian_noise/0.05`` (a corruption at one
physical parameter), ``drop/resize`` (mean over the severities), ``ssr/first/dc/init`` (layer, normalization,
reference; the layer is ``first``, ``last`` or a module path).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.formatting import value_text
from analysis.load import AnalysisError, Records

DEFAULT = ("clean_accuracy", "corrupted_accuracy", "relative_robustness", "ssr/first/dc/init", "ssr/last/dc/init")
NORMALIZATIONS = ("dc", "total", "energy", "absolute", "absolute_folded")
REFERENCES = ("init", "epoch_1")

_RUN = {
    "clean_accuracy": ("clean accuracy", "fraction", "Accuracy on the uncorrupted test set after the last epoch."),
    "validation_accuracy": ("validation accuracy", "fraction", "Accuracy on the validation split, last epoch."),
    "train_accuracy": ("training accuracy", "fraction", "Accuracy over the last epoch's augmented training images."),
    "train_test_gap": ("train/test gap", "fraction", "Training accuracy minus clean accuracy."),
    "clean_loss": ("clean loss", "nat", "Mean cross-entropy on the uncorrupted test set."),
    "validation_loss": ("validation loss", "nat", "Mean cross-entropy on the validation split."),
    "train_loss": ("training loss", "nat", "Mean training loss over the last epoch."),
    "train_seconds": ("training time", "s", "Wall time of all epochs, on whatever machine and beside whatever else."),
}

_ROBUST = {
    "accuracy": ("accuracy", "Accuracy on the corrupted test set."),
    "drop": ("drop", "Clean accuracy minus accuracy under the corruption."),
    "relative_robustness": ("relative", "Accuracy under the corruption divided by clean accuracy."),
}
_OVERALL = {"accuracy": "corrupted_accuracy", "drop": "drop", "relative_robustness": "relative_robustness"}
_OVERALL_LABELS = {
    "corrupted_accuracy": "corrupted accuracy",
    "drop": "accuracy drop",
    "relative_robustness": "relative robustness",
}


@dataclass(frozen=True)
class Metric:
    """A metric's name, short label, unit (fraction, shown as %; nat; or 1) and definition in words."""

    name: str
    label: str
    unit: str
    definition: str


def describe(name: str) -> Metric:
    """The metric called ``name``; a name is described by its form, whether or not a run has it."""
    if name in _RUN:
        return Metric(name, *_RUN[name])
    if name in _OVERALL_LABELS:
        quantity = {v: k for k, v in _OVERALL.items()}[name]
        words = _ROBUST[quantity][1] + " Mean over the corruptions of the mean over their severities 1 and up."
        return Metric(name, _OVERALL_LABELS[name], "fraction", words)
    head, _, rest = name.partition("/")
    if head == "ssr":
        layer, normalization, reference = rest.rsplit("/", 2)
        words = f"SSR of the {layer} layer after the last epoch, normalization {normalization}, reference {reference}."
        return Metric(name, f"SSR {layer} {normalization}/{reference}", "1", words)
    corruption, _, parameter = rest.partition("/")
    word, definition = _ROBUST[head]
    if not parameter:
        return Metric(name, f"{word} {corruption}", "fraction", definition + " Mean over severities 1 and up.")
    return Metric(name, f"{word} {corruption} {parameter}", "fraction", definition)


def query(names: Sequence[str] | None = None) -> str:
    """SQL for metrics of complete runs, one value a configuration, seed and metric: what every estimate is made of.

    Args:
        names: the metrics; None means all.

    Returns:
        A query over the views of ``views.sql`` with the columns configuration, metric, seed, value, in a fixed order.
    """
    if names is None:
        return "SELECT configuration, metric, seed, value FROM replications ORDER BY ALL"
    families: dict[str, list[str]] = {"run_metrics": [], "robustness_metrics": [], "ssr_metrics": []}
    for name in dict.fromkeys(names):
        head = name.partition("/")[0]
        family = "run_metrics" if name in _RUN else "ssr_metrics" if head == "ssr" else "robustness_metrics"
        families[family].append(name)
    parts = [
        "SELECT run_id, metric, value "
        f"FROM {view} WHERE metric IN ({', '.join(map(quoted, chosen))}){_pruned(view, chosen)}"
        for view, chosen in families.items()
        if chosen
    ]
    return (
        "SELECT configuration, metric, seed, favg(value) AS value\n"
        "FROM (" + "\n      UNION ALL ".join(parts or ["SELECT run_id, metric, value FROM run_metrics LIMIT 0"]) + ")\n"
        "JOIN runs USING (run_id) WHERE status = 'complete'\n"
        "GROUP BY configuration, metric, seed ORDER BY ALL"
    )


def _pruned(view: str, names: Sequence[str]) -> str:
    """What the names of SSRs say about their columns: with it the database skips most rows of ``ssr``."""
    if view != "ssr_metrics":
        return ""
    parsed = [name.removeprefix("ssr/").rsplit("/", 2) for name in names]
    if any(len(parts) != 3 for parts in parsed):
        return ""
    columns = zip(("position", "normalization", "reference"), zip(*parsed, strict=True), strict=True)
    return "".join(f" AND {c} IN ({', '.join(map(quoted, dict.fromkeys(values)))})" for c, values in columns)


def quoted(text: str) -> str:
    """``text`` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def values(records: Records, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Metrics of complete runs, each seed once: columns configuration, metric, seed, value.

    Robustness is that of the test split. A mean over severities is missing if one of them is: a mean over fewer
    severities is another quantity. A run repeated with the same seed is no further replication: the mean stands.

    Args:
        names: the metrics; None means all.
    """
    return records.sql(query(names))


def names(records: Records) -> list[str]:
    """Every metric that these records can have: those of runs, of corruptions, and SSRs of every layer."""
    points = records.sql(
        "SELECT DISTINCT corruption, format('{:.12g}', parameter) AS parameter FROM corrupted "
        "WHERE corruption IS NOT NULL ORDER BY ALL"
    )
    whole = points.dropna()
    corruptions = [*points["corruption"].unique(), *(whole["corruption"] + "/" + whole["parameter"])]
    robust = [f"{quantity}/{corruption}" for quantity in _ROBUST for corruption in corruptions]
    layers = records.sql("SELECT DISTINCT position FROM layers WHERE position IS NOT NULL ORDER BY ALL")["position"]
    ssr = [f"ssr/{p}/{n}/{r}" for p in layers for n in NORMALIZATIONS for r in REFERENCES]
    return [*_RUN, *_OVERALL_LABELS, *robust, *ssr]


def check(records: Records, wanted: Sequence[str]) -> None:
    """Raise :class:`AnalysisError` for the first name that no run can have, with the nearest valid ones."""
    # The default table is shown for every model, also where one has no layer with an SSR.
    plain = {*DEFAULT, *_RUN, *_OVERALL_LABELS}
    if plain.issuperset(wanted):
        return
    known = names(records)
    for name in wanted:
        if name in plain or name in known:
            continue
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        short = [k for k in known if "/" not in k]
        raise AnalysisError(
            f"unknown metric '{value_text(name)}'.{hint} Valid here: {', '.join(short)}; "
            "(accuracy|drop|relative_robustness)/CORRUPTION[/PARAMETER]; ssr/LAYER/NORMALIZATION/REFERENCE."
        )
