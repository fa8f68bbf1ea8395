"""Records -> frames aggregated over seeds, ready for a table or a plot.

Every function takes the loaded records and returns a long frame whose rows carry the configuration (``configuration``,
``context``, ``label``, ``regularizer``, ``strength``, in display order) and mean, half_width, low, high, sd and n over
seeds. Only complete runs are aggregated; :func:`run_counts` and :func:`incomplete_runs` account for the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import metric
from analysis.formatting import is_missing, value_text
from analysis.load import Records
from analysis.statistics import over_seeds

DESCRIPTION = ["configuration", "context", "label", "regularizer", "strength"]


def run_counts(records: Records) -> pd.DataFrame:
    """Number of runs with each status: columns status, runs, largest first."""
    counts = records.configurations.runs["status"].value_counts()
    return counts.rename_axis("status").rename("runs").reset_index()


def incomplete_runs(records: Records) -> pd.DataFrame:
    """Runs that did not complete: run_id, run_name, configuration, seed, status, status_detail."""
    runs = records.configurations.runs
    return runs[runs["status"] != "complete"].sort_values("run_name", ignore_index=True)


_MADE_BY = {"source_digest": "code", "torch": "torch", "data_digest": "data"}


def mixtures(records: Records) -> list[str]:
    """A sentence for each of code, torch and data that complete runs to be compared were not made by one version of.

    Data are compared within a data set. Runs whose records do not say are left out.
    """
    run = records["run"]
    complete = run[run["status"] == "complete"]
    sentences = []
    for column, noun in _MADE_BY.items():
        made = f"provenance.{column}"
        if made not in complete:
            continue
        groups = complete.groupby("config.dataset") if column == "data_digest" else [("", complete)]
        for _, rows in groups:
            counts = rows[made].dropna().value_counts()
            if len(counts) > 1:
                listed = ", ".join(f"{n} by {value_text(version)[:12]}" for version, n in counts.items())
                sentences.append(f"Caution: these runs were made by {len(counts)} versions of {noun}: {listed}.")
    return sentences


def headline(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> pd.DataFrame:
    """Chosen metrics of every configuration.

    Args:
        metrics: names as in :mod:`analysis.metric`.

    Returns:
        One row for each configuration and metric, configurations without a complete run included (n = 0): the
        description, metric, mean, half_width, low, high, sd, n.

    Raises:
        AnalysisError: no run has a metric of that name.
    """
    values = metric.values(records)
    # The default table is shown for every model, also where one has no layer with an SSR.
    metric.check(metrics, [*metric.DEFAULT, *values["metric"].unique()])
    summary = over_seeds(values[values["metric"].isin(metrics)], ["configuration", "metric"])
    every = records.configurations.table[["configuration"]].merge(pd.DataFrame({"metric": list(metrics)}), how="cross")
    full = every.merge(summary, on=["configuration", "metric"], how="left")
    full["n"] = full["n"].fillna(0).astype(int)
    return _described(records, full)


def ssr_trajectories(
    records: Records,
    layers: Sequence[str] = ("first", "last"),
    normalizations: Sequence[str] = metric.NORMALIZATIONS,
    references: Sequence[str] = metric.REFERENCES,
) -> pd.DataFrame:
    """SSR of chosen layers over training.

    Returns:
        The description, position, layer, normalization, reference, epoch, statistics of the SSR.
    """
    rows = records["ssr"].merge(metric.chosen_layers(records, layers), on=["run_id", "layer", "depth"])
    rows = rows[rows["normalization"].isin(normalizations) & rows["reference"].isin(references)]
    by = ["configuration", "position", "layer", "normalization", "reference", "epoch"]
    return _over_seeds(records, rows, by)


def final_ssr(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """SSR of chosen layers after the last epoch: columns as in :func:`ssr_trajectories`."""
    rows = metric.final_ssr(records).merge(metric.chosen_layers(records, layers), on=["run_id", "layer", "depth"])
    return _over_seeds(records, rows, ["configuration", "position", "layer", "normalization", "reference"])


def null_distribution(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """SSR between pairs of independent random initialisations of a layer: what SSR is when nothing was learned.

    Returns:
        One row for each configuration, position and normalization: the description, position, layer, normalization,
        mean, sd, low, high (2.5% and 97.5% quantiles), n (distinct draws; runs that recorded equal draws count once).
    """
    rows = records["ssr_null"].merge(metric.chosen_layers(records, layers), on=["run_id", "layer", "depth"])
    rows = rows.merge(metric.complete_runs(records), on="run_id").dropna(subset="value")
    by = ["configuration", "position", "layer", "normalization"]
    rows = rows.drop_duplicates([*by, "draw", "value"])
    groups = rows.groupby(by, sort=False)["value"]
    result = groups.agg(mean="mean", sd="std", n="count")
    result["low"] = groups.quantile(0.025)
    result["high"] = groups.quantile(0.975)
    return _described(records, result.reset_index())


def spectrum_evolution(records: Records, layers: Sequence[str] = ("first", "last")) -> pd.DataFrame:
    """Power of chosen layers over epochs and radii, as three ratios that do not depend on the weights' scale.

    * energy_share = power x multiplicity / (sum over radii of power x multiplicity): share of the ring energy.
    * dc_relative = power / power at radius 0.
    * white_relative = power / mean power over all bins of the kernel's DFT; 1 at every radius is a white spectrum.

    Returns:
        The description, position, layer, kernel, epoch, radius, multiplicity and the three ratios, each a mean over
        seeds, and n.
    """
    rows = _ratios(records["spectra"]).merge(
        metric.chosen_layers(records, layers)[["run_id", "layer", "position"]], on=["run_id", "layer"]
    )
    by = ["configuration", "position", "layer", "kernel", "epoch", "radius", "multiplicity"]
    rows = rows.merge(metric.complete_runs(records), on="run_id")
    per_seed = rows.groupby([*by, "seed"], sort=False)[list(_RATIOS)].mean().reset_index()
    result = per_seed.groupby(by, sort=False)[list(_RATIOS)].mean().reset_index()
    result["n"] = per_seed.groupby(by, sort=False).size().to_numpy()
    return _described(records, result)


_RATIOS = ("energy_share", "dc_relative", "white_relative")


def _ratios(spectra: pd.DataFrame) -> pd.DataFrame:
    rows = spectra.assign(energy=spectra["power"] * spectra["multiplicity"])
    ring = rows.groupby(["run_id", "epoch", "layer"], sort=False)
    total = ring["energy"].transform("sum")
    dc = rows["power"].where(rows["radius"] == 0)
    dc = dc.groupby([rows["run_id"], rows["epoch"], rows["layer"]], sort=False).transform("max")
    rows["energy_share"] = (rows["energy"] / total).where(total > 0)
    rows["dc_relative"] = (rows["power"] / dc).where(dc > 0)
    rows["white_relative"] = (rows["power"] * ring["multiplicity"].transform("sum") / total).where(total > 0)
    return rows


def high_band_share(records: Records) -> pd.DataFrame:
    """Share of the ring energy in the high band, of every layer with k > 1 and epoch.

    The high band is the radii with index >= max(1, floor(number of radii / 2)); at 3 x 3 that is all but radius 0.

    Returns:
        The description, layer, depth, kernel, epoch, statistics of the share in [0, 1].
    """
    rows = _ratios(records["spectra"])
    rows = rows[rows["kernel"] > 1]
    keys = ["run_id", "layer", "depth", "kernel", "epoch"]
    radii = rows.groupby(keys, sort=False)["radius"]
    index, count = radii.rank(method="dense") - 1, radii.transform("nunique")
    high = rows[index >= np.maximum(1, count // 2)]
    shares = high.groupby(keys, sort=False)["energy_share"].sum(min_count=1).rename("value").reset_index()
    return _over_seeds(records, shares, ["configuration", "layer", "depth", "kernel", "epoch"])


def robustness_curves(records: Records) -> pd.DataFrame:
    """Test accuracy under every corruption and severity, the clean set as severity 0 of each.

    Returns:
        The description, corruption, parameter_unit (text), severity, parameter (missing at severity 0), statistics of
        the accuracy in [0, 1].
    """
    rows = metric.robustness(records)
    rows["parameter_unit"] = rows["parameter_unit"].fillna("parameter")  # older records do not name it
    clean = rows[["run_id", "corruption", "parameter_unit", "clean"]].drop_duplicates()
    clean = clean.rename(columns={"clean": "accuracy"}).assign(severity=0, parameter=math.nan)
    columns = ["run_id", "corruption", "parameter_unit", "severity", "parameter", "accuracy"]
    rows = pd.concat([clean[columns], rows[columns]]) if len(clean) else rows[columns]
    rows = rows.rename(columns={"accuracy": "value"})
    return _over_seeds(records, rows, ["configuration", "corruption", "parameter_unit", "severity", "parameter"])


def trade_off(records: Records) -> pd.DataFrame:
    """Clean accuracy against accuracy under corruption, and which configurations no other one beats in both means.

    Returns:
        The description, corruption (``all`` is the mean over them), clean and clean_half_width, robust and
        robust_half_width (fractions), n, on_front: true where no other configuration of the same context is at least
        as good in both means and better in one. A front is a ranking, so it is left missing unless every
        configuration of the context has n >= 2.
    """
    values = metric.values(records)
    summary = over_seeds(values, ["configuration", "metric"]).drop(columns=["low", "high", "sd"])
    clean = summary[summary["metric"] == "clean_accuracy"].drop(columns=["metric", "n"])
    clean = clean.rename(columns={"mean": "clean", "half_width": "clean_half_width"})
    robust = summary[summary["metric"].str.fullmatch(r"corrupted_accuracy|accuracy/[^/]+")]
    robust = robust.assign(corruption=robust["metric"].str.removeprefix("accuracy/"))
    robust["corruption"] = robust["corruption"].replace("corrupted_accuracy", "all")
    robust = robust.rename(columns={"mean": "robust", "half_width": "robust_half_width"}).drop(columns="metric")
    points = _described(records, robust.merge(clean, on="configuration").dropna(subset=["clean", "robust"]))
    points["on_front"] = None
    for _, group in points.groupby(["context", "corruption"], sort=False):
        if (group["n"] >= 2).all():
            points.loc[group.index, "on_front"] = pareto_front(group[["clean", "robust"]].to_numpy(dtype=float))
    return points


def pareto_front(points: np.ndarray) -> np.ndarray:
    """Which rows of ``points`` (n, objectives; larger is better) no other row dominates: bool array of shape (n,)."""
    at_least = (points[None, :, :] >= points[:, None, :]).all(axis=2)
    better = (points[None, :, :] > points[:, None, :]).any(axis=2)
    dominated = np.asarray(at_least & better).any(axis=1)
    return np.asarray(~dominated)


def strength_response(records: Records, metrics: Sequence[str] = metric.DEFAULT) -> pd.DataFrame:
    """Metrics against the strength of each regularizer that was run at two or more strengths.

    Configurations with the regularizer ``none`` stand at strength 0, unless strength 0 was run itself.

    Returns:
        The description (``swept`` names the regularizer whose strength is varied), metric, statistics.
    """
    frame = headline(records, metrics)
    # Two variants of one regularizer may share a strength: each is its own line, named without the strength.
    strength = frame["strength"].map(value_text)
    named = zip(frame["label"], frame["regularizer"], strength, strict=True)
    frame["swept"] = [label.replace(f"{name} {value}", name, 1) for label, name, value in named]
    parts = []
    for (context, swept), group in frame.dropna(subset=["strength", "mean"]).groupby(["context", "swept"], sort=False):
        if group["strength"].nunique() < 2:
            continue
        parts.append(group)
        if not (group["strength"] == 0).any():
            none = frame[(frame["context"] == context) & (frame["regularizer"] == "none")]
            parts.append(none.dropna(subset="mean").assign(swept=str(swept), strength=0.0))
    return pd.concat([part for part in parts if len(part)] or [frame.iloc[:0]], ignore_index=True)


def regularizer_quantity(records: Records, quantity: str = "share_removed") -> pd.DataFrame:
    """What a regularizer reports of itself, per layer over epochs.

    Returns:
        The description, layer, depth (of the convolution; order of appearance where the name is none's), epoch,
        statistics of the quantity.
    """
    rows = records["regularizer"]
    rows = rows[rows["quantity"] == quantity]
    known = records["spectra"][["run_id", "layer", "depth"]].drop_duplicates()
    rows = rows.merge(known, on=["run_id", "layer"], how="left")
    appearance = pd.Series(pd.factorize(rows["layer"])[0], rows.index)
    rows["depth"] = rows["depth"].fillna(appearance).astype(int)
    return _over_seeds(records, rows, ["configuration", "layer", "depth", "epoch"])


def lowest_n(frame: pd.DataFrame) -> int:
    """The smallest n over the rows that have a value; 0 for an empty frame."""
    n = frame.loc[frame["n"] > 0, "n"].min() if len(frame) else 0
    return 0 if is_missing(n) else int(n)


def _over_seeds(records: Records, rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    rows = rows.merge(metric.complete_runs(records), on="run_id")
    return _described(records, over_seeds(rows, by))


def _described(records: Records, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the description of each row's configuration and put the rows in display order."""
    table = records.configurations.table[[*DESCRIPTION, "order"]]
    frame = frame.merge(table, on="configuration", how="left").sort_values("order", kind="stable", ignore_index=True)
    rest = [c for c in frame.columns if c not in (*DESCRIPTION, "order")]
    return frame[[*DESCRIPTION, *rest]]
