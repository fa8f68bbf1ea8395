"""The metrics of a run: their names, units, definitions, and their values computed from the records.

Names are paths: ``clean_accuracy``, ``corrupted_accuracy``, ``accuracy/gaussian_noise/0.05`` (a corruption at one
physical parameter), ``drop/resize`` (mean over the severities), ``ssr/first/dc/init`` (layer, normalization,
reference; the layer is ``first``, ``last`` or a module path).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
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


def chosen_layers(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """Which module a choice of layers means in every run.

    Args:
        layers: ``first`` and ``last`` (by depth, among convolutions with k > 1: a 1 x 1 kernel has no high band), or
            module paths. Where a run has one such convolution, it is ``first``.

    Returns:
        Columns run_id, layer, depth, position (the choice).
    """
    rows = records["ssr"]
    spatial = rows.loc[rows["status"] != "no_high_band", ["run_id", "layer", "depth"]].drop_duplicates()
    spatial = spatial.sort_values(["run_id", "depth"])
    parts = []
    for choice in layers:
        if choice == "first":
            part = spatial.drop_duplicates("run_id", keep="first")
        elif choice == "last":
            part = spatial.drop_duplicates("run_id", keep="last")
            if "first" in layers:
                part = part[spatial.duplicated("run_id", keep="first").loc[part.index]]
        else:
            part = spatial[spatial["layer"] == choice]
        parts.append(part.assign(position=choice))
    return pd.concat(parts, ignore_index=True)


def values(records: Records) -> pd.DataFrame:
    """Every metric of every complete run.

    Returns:
        Columns run_id, metric, value, configuration, seed. Robustness is that of the test split. A mean over
        severities is missing if one of them is: a mean over fewer severities is another quantity.
    """
    complete = complete_runs(records)
    run = records["run"].merge(complete[["run_id"]], on="run_id")
    parts = [_run_values(run), *_robustness_values(robustness(records)), *_ssr_values(records)]
    long = pd.concat([part for part in parts if not part.empty], ignore_index=True)
    return long.merge(complete, on="run_id")


def complete_runs(records: Records) -> pd.DataFrame:
    """run_id, configuration and seed of the runs whose status is ``complete``: the ones that are aggregated."""
    runs = records.configurations.runs
    return runs.loc[runs["status"] == "complete", ["run_id", "configuration", "seed"]]


def robustness(records: Records) -> pd.DataFrame:
    """The corrupted test set of complete runs, with each run's clean accuracy: columns as in ``robustness`` plus clean.

    Severity 0 is left out, it is the clean set, whose accuracy the run table holds.
    """
    rows = records["robustness"]
    rows = rows[(rows["split"] == "test") & (rows["severity"] > 0)]
    clean = records["run"][["run_id", "clean_accuracy"]].rename(columns={"clean_accuracy": "clean"})
    return rows.merge(clean, on="run_id").merge(complete_runs(records)[["run_id"]], on="run_id")


def _run_values(run: pd.DataFrame) -> pd.DataFrame:
    run = run.assign(train_test_gap=run["train_accuracy"] - run["clean_accuracy"])
    return run.melt("run_id", list(_RUN), var_name="metric")


def _robustness_values(rows: pd.DataFrame) -> Iterable[pd.DataFrame]:
    rows = rows.assign(
        drop=rows["clean"] - rows["accuracy"],
        relative_robustness=(rows["accuracy"] / rows["clean"]).where(rows["clean"] > 0),
    )
    # NULL in one severity makes the mean NULL: multiply by 1 where all are there, by NULL where one is not.
    for quantity, overall in _OVERALL.items():
        point = quantity + "/" + rows["corruption"] + "/" + rows["parameter"].map(value_text).astype(str)
        yield rows[["run_id"]].assign(metric=point, value=rows[quantity])
        mean = _strict_mean(rows, ["run_id", "corruption"], quantity)
        yield mean[["run_id"]].assign(metric=quantity + "/" + mean["corruption"], value=mean[quantity])
        total = _strict_mean(mean, ["run_id"], quantity)
        yield total[["run_id"]].assign(metric=overall, value=total[quantity])


def _strict_mean(frame: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    groups = frame.groupby(by, sort=False)[value]
    mean = groups.mean().where(groups.count() == groups.size())
    return mean.reset_index()


def _ssr_values(records: Records) -> Iterable[pd.DataFrame]:
    ssr = final_ssr(records)
    positions = chosen_layers(records)
    at = ssr.merge(positions[["run_id", "layer", "position"]], on=["run_id", "layer"])
    named = ssr[~ssr["layer"].isin(["first", "last"])].assign(position=ssr["layer"])
    for rows in (at, named):
        name = "ssr/" + rows["position"] + "/" + rows["normalization"] + "/" + rows["reference"]
        yield rows[["run_id"]].assign(metric=name, value=rows["value"])


def final_ssr(records: Records) -> pd.DataFrame:
    """The ``ssr`` rows of each run's last recorded epoch."""
    ssr = records["ssr"]
    return ssr[ssr["epoch"] == ssr.groupby("run_id")["epoch"].transform("max")]


def check(names: Sequence[str], valid: Iterable[str]) -> None:
    """Raise :class:`AnalysisError` for the first unknown name, with the nearest valid ones and the short list."""
    known = list(dict.fromkeys(valid))
    for name in names:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        short = [k for k in known if "/" not in k]
        raise AnalysisError(
            f"unknown metric '{value_text(name)}'.{hint} Valid here: {', '.join(short)}; "
            "(accuracy|drop|relative_robustness)/CORRUPTION[/PARAMETER]; ssr/LAYER/NORMALIZATION/REFERENCE."
        )
