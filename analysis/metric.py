"""The metrics of a run: their names, units, definitions, and their values computed from the records.

Names are paths: ``clean_accuracy``, ``corrupted_accuracy``, ``accuracy/gaussian_noise/0.05`` (a corruption at one
physical parameter), ``drop/resize`` (mean over the severities), ``ssr/first/dc/init`` (layer, normalization,
reference; the layer is ``first``, ``last`` or a module path), ``explained_variance/50`` (of the frequency 50 of a
function to fit). Runs that fit functions have mean squared errors (``test_mse``) instead of accuracies and losses.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.formatting import value_text
from analysis.load import AnalysisError, Records

DEFAULT = ("clean_accuracy", "corrupted_accuracy", "relative_robustness", "ssr/first/dc/init", "ssr/last/dc/init")
REGRESSION = ("train_mse", "validation_mse", "test_mse")
"""What the default table shows of runs that fit functions, before what is explained of each frequency."""
NORMALIZATIONS = ("dc", "total", "energy", "absolute", "absolute_folded")
REFERENCES = ("init", "epoch_1")

_RUN = {
    "clean_accuracy": ("clean accuracy", "fraction", "Accuracy on the uncorrupted test set after the last epoch."),
    "validation_accuracy": ("validation accuracy", "fraction", "Accuracy on the validation split, last epoch."),
    "train_accuracy": ("training accuracy", "fraction", "Accuracy over the last epoch's augmented training images."),
    "train_test_gap": ("train/test gap", "fraction", "Training accuracy minus clean accuracy, on one data set."),
    "clean_loss": ("clean loss", "nat", "Mean cross-entropy on the uncorrupted test set."),
    "validation_loss": ("validation loss", "nat", "Mean cross-entropy on the validation split."),
    "train_loss": ("training loss", "nat", "Mean training loss over the last epoch."),
    "train_mse": ("training MSE", "mse", "Mean squared error over the last epoch's updates, while the weights move."),
    "validation_mse": ("validation MSE", "mse", "Mean squared error on the validation points, last epoch."),
    "test_mse": ("test MSE", "mse", "Mean squared error on the test points after the last epoch."),
    "train_seconds": ("training time", "s", "Wall time of all epochs, on whatever machine and beside whatever else."),
    "epoch_seconds": ("epoch time", "s", "Median wall time of an epoch's updates, on whatever machine."),
    "relative_cost": (
        "cost/none",
        "1",
        "Median wall time of an epoch divided by that of the run of the same seed whose regularizer is none; a cost of "
        "the regularizer where both ran on one kind of machine with nothing else to do.",
    ),
}

EXPLAINED = "explained_variance"
_EXPLAINED = (
    "Of the function to fit's part y_k of frequency k, what the model's own part f_k explains after the last epoch: "
    "1 − |f_k − y_k|² / |y_k|². 1 is a perfect fit, 0 that of a constant; a wrong part is worse than none, below 0."
)

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
    """A metric's name, short label, unit (fraction, shown as %; nat; mse; or 1) and definition in words."""

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
    if head == EXPLAINED:
        return Metric(name, f"explained variance {rest}", "1", f"{_EXPLAINED} k = {rest}.")
    corruption, _, parameter = rest.partition("/")
    word, definition = _ROBUST[head]
    if not parameter:
        return Metric(name, f"{word} {corruption}", "fraction", definition + " Mean over severities 1 and up.")
    return Metric(name, f"{word} {corruption} {parameter}", "fraction", definition)


def larger_is_better(name: str) -> bool | None:
    """The direction of a metric; None where neither is better, as for an SSR."""
    unit = describe(name).unit
    if unit == "fraction":
        return not (name == "train_test_gap" or name.partition("/")[0] == "drop")
    if name.startswith(f"{EXPLAINED}/"):
        return True
    return False if unit != "1" or name == "relative_cost" else None


def accuracies_note(names: Sequence[str]) -> str:
    """Of which split the accuracies among the metrics are, for a footer; empty where there are none."""
    shown = [name for name in names if describe(name).unit == "fraction"]
    named = {"validation_accuracy", "train_accuracy"}.intersection(shown)
    if not named:
        return "test split" if shown else ""
    return "the split in their name" if len(named) == len(shown) else "test split unless their name says another"


_FAMILIES = {"ssr": "ssr_metrics", EXPLAINED: "function_metrics"}
"""Which view has the metrics whose names begin so."""


def headline(records: Records) -> list[str]:
    """What the default table shows: :data:`DEFAULT`; of runs that fit functions mean squared errors and what is
    explained of each frequency; of a folder with both, both.
    """
    fits = records.sql("SELECT count(*) AS n FROM regressions")["n"].iloc[0]
    if not fits:
        return list(DEFAULT)
    classifies = records.sql(
        "SELECT count(*) AS n FROM run WHERE validation_accuracy IS NOT NULL OR clean_accuracy IS NOT NULL"
    )["n"].iloc[0]
    return [*(DEFAULT if classifies else ()), *REGRESSION, *explained(records)]


def of_functions(name: str) -> bool:
    """Whether only runs that fit functions have the metric."""
    return name in REGRESSION or name.startswith(f"{EXPLAINED}/")


def of_training(name: str) -> bool:
    """Whether a metric is known when training ends, so that it is the same whatever the network is tested on."""
    tested = ("clean_accuracy", "clean_loss", "test_mse")
    return (name in _RUN and name not in tested) or name.startswith(("ssr/", f"{EXPLAINED}/"))


def explained(records: Records) -> list[str]:
    """``explained_variance/K`` for every frequency K that is recorded, from low to high."""
    found = records.sql("SELECT DISTINCT frequency FROM function_metrics ORDER BY frequency")["frequency"]
    return [f"{EXPLAINED}/{k}" for k in found]


def query(names: Sequence[str] | None = None) -> str:
    """SQL for metrics of complete runs, one value a configuration, seed and metric: what every estimate is made of.

    Args:
        names: the metrics; None means all.

    Returns:
        A query over the views of ``views.sql`` with the columns configuration, metric, seed, value, in a fixed order.
    """
    if names is None:
        return "SELECT configuration, metric, seed, value FROM replications ORDER BY ALL"
    families: dict[str, list[str]] = {name: [] for name in (*_FAMILIES.values(), "run_metrics", "robustness_metrics")}
    for name in dict.fromkeys(names):
        head = name.partition("/")[0]
        family = "run_metrics" if name in _RUN else _FAMILIES.get(head, "robustness_metrics")
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


def names(records: Records | Sequence[Records]) -> list[str]:
    """Every metric that these records, or some of several, can have: of runs, of corruptions, SSRs of every layer."""
    several = [records] if isinstance(records, Records) else records
    return list(dict.fromkeys(name for one in several for name in _names(one)))


def _names(records: Records) -> list[str]:
    points = records.sql(
        "SELECT DISTINCT corruption, format('{:.12g}', parameter) AS parameter FROM corrupted "
        "WHERE corruption IS NOT NULL ORDER BY ALL"
    )
    whole = points.dropna()
    each = points["corruption"].unique()
    origins = dict.fromkeys(f"{name.partition(':')[0]}:all" for name in each if ":" in name)
    corruptions = [*each, *origins, *(whole["corruption"] + "/" + whole["parameter"])]
    robust = [f"{quantity}/{corruption}" for quantity in _ROBUST for corruption in corruptions]
    layers = records.sql("SELECT DISTINCT position FROM layers WHERE position IS NOT NULL ORDER BY ALL")["position"]
    ssr = [f"ssr/{p}/{n}/{r}" for p in layers for n in NORMALIZATIONS for r in REFERENCES]
    return [*_RUN, *_OVERALL_LABELS, *robust, *ssr, *explained(records)]


def check(records: Records | Sequence[Records], wanted: Sequence[str]) -> None:
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
            "(accuracy|drop|relative_robustness)/CORRUPTION[/PARAMETER]; ssr/LAYER/NORMALIZATION/REFERENCE; "
            "explained_variance/FREQUENCY."
        )
