"""Spectral bias in numbers: one value a run, or a seed, for each quantity that a criterion of the field asks for.

What is computed, from which table, by the definitions of Rahaman et al. 2019, "On the Spectral Bias of Neural
Networks", made into numbers:

sines (``function_spectrum``)
    ``order of crossing``: Spearman correlation of k with the first measured epoch at which |c_k| reaches
    :data:`LEVEL` of the target's; a frequency that never does comes after all others. ``order of magnitude``: that of k
    with minus the mean over all measured epochs of |c_k| / target. Both are 1 where low frequencies come first.
perturbation (``parameter_perturbation``, after the last measured epoch, delta = :data:`DELTA`)
    ``order of retention``: Spearman correlation of k with the retention, cut at 1; -1 where high frequencies are lost
    first. ``retention, highest to lowest k``: their ratio, each cut at 1.
radial label noise (``validation_dip``)
    ``dip ratio``: min / final validation error after the last epoch, by k; ``steepest rise of the dip ratio``: largest
    step from one k to the next of one seed, below 0 where it falls strictly.
kernel label noise (``kernel_residual``, ``validation_dip``)
    ``residual, high to low``: root mean square of the residual's coefficients in the last half of the bands over that
    in the first, at the epoch of the smallest validation error; ``smallest error to white``: smallest validation error
    with kernel noise over that with white noise, of one seed.
manifold (``run``, ``function_spectrum``)
    ``loss``: final training loss, by L; ``loss to L = 0``: its ratio to that of the circle, of one seed; ``magnitude of
    the highest k``: |c_k| / target after the last epoch, by L; ``least rise of that magnitude``: smallest step from one
    L to the next, above 0 where it rises strictly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.configuration import configurations
from analysis.load import Records

LEVEL = 0.1
"""Part of the target's amplitude at which a frequency counts as begun."""
DELTA = 2.0
"""Norm of the step in parameter space after which retention is compared."""
COLUMNS = ["experiment", "setting", "quantity", "at", "seed", "value"]

Numbers = Sequence[float] | pd.Series | pd.Index

_PETALS, _FREQUENCY, _NOISE = (f"config.dataset.{key}" for key in ("petals", "noise_frequency", "noise"))


def spectral_bias(records: Records) -> pd.DataFrame:
    """Every quantity that the tables of complete runs allow.

    Returns:
        Columns :data:`COLUMNS`: experiment (as in the module's text), setting (the configuration keys that differ
        between the experiment's runs, but for what the quantity compares), quantity, at (what it was measured at, such
        as ``k = 0.2``; empty where that is nothing), seed, value (missing where it has none).
    """
    run = records["run"]
    run = run[run["status"] == "complete"].reset_index(drop=True)
    parts = [part for measure in _MEASURES for part in measure(records, run)]
    if not parts:
        return _empty()
    rows = pd.concat(parts, ignore_index=True)[COLUMNS]
    # A run repeated with the same seed is no further replication: the mean stands, missing where one has no value.
    return rows.groupby(COLUMNS[:-1], sort=False, dropna=False)["value"].agg(_mean).reset_index()


def _mean(values: pd.Series) -> float:
    return float(values.mean(skipna=False))


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=COLUMNS)


def spearman(a: Numbers, b: Numbers) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN where either is constant."""
    ranks = pd.DataFrame({"a": a, "b": b}, dtype=float).rank()
    if (ranks.max() == ranks.min()).any():
        return float("nan")
    return float(np.corrcoef(ranks["a"], ranks["b"])[0, 1])


def _rows(experiment: str, run: pd.DataFrame, values: pd.Series, quantity: str, *, varied: Sequence[str] = (),
          at: pd.Series | None = None) -> pd.DataFrame:  # fmt: skip
    """Rows of one value a run; ``values`` and ``at`` by run_id."""
    runs = run[run["run_id"].isin(values.index)]
    ids = runs["run_id"]
    setting, seed = _settings(runs, varied)
    return pd.DataFrame(
        {
            "experiment": experiment,
            "setting": setting,
            "quantity": quantity,
            "at": "" if at is None else ids.map(at),
            "seed": seed,
            "value": ids.map(values).astype(float),
        }
    )


def _settings(runs: pd.DataFrame, varied: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """What tells the runs' configurations apart, seeds and ``varied`` left out, in words; and their seeds."""
    made = configurations(runs.drop(columns=list(varied)))
    table = made.table.set_index("configuration")
    parts = [table["context"]] + ([table["label"]] if len(set(table["label"])) > 1 else [])
    words = pd.concat(parts, axis=1).apply(lambda row: " · ".join(part for part in row if part), axis=1)
    return made.runs["configuration"].map(words).set_axis(runs.index), made.runs["seed"].set_axis(runs.index)


def _table(records: Records, name: str, run: pd.DataFrame) -> pd.DataFrame:
    """Rows of complete runs in a table; none where no run recorded it."""
    if name not in records.tables:
        return pd.DataFrame()
    rows = records[name]
    return rows[rows["run_id"].isin(run["run_id"])]


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each run's last measured epoch."""
    return rows[rows["epoch"] == rows.groupby("run_id")["epoch"].transform("max")]


def _by_run(rows: pd.DataFrame, value: Callable[[pd.DataFrame], float]) -> pd.Series:
    return pd.Series({run_id: value(part) for run_id, part in rows.groupby("run_id")}, dtype=float)


def _magnitudes(records: Records, run: pd.DataFrame) -> pd.DataFrame:
    """``function_spectrum`` at the target's frequencies with magnitude, |c_k| / target."""
    rows = _table(records, "function_spectrum", run)
    if rows.empty:
        return rows
    rows = rows[rows["explained_variance"].notna()]
    return rows.assign(magnitude=rows["amplitude"] / rows["target_amplitude"])


def _crossing(rows: pd.DataFrame) -> float:
    first = rows[rows["magnitude"] >= LEVEL].groupby("frequency")["epoch"].min()
    frequencies = sorted(rows["frequency"].unique())
    return spearman(frequencies, first.reindex(frequencies).fillna(np.inf))


def _mean_magnitude(rows: pd.DataFrame) -> float:
    means = rows.groupby("frequency")["magnitude"].mean()
    return spearman(means.index, -means)


def _sines(records: Records, run: pd.DataFrame) -> Iterator[pd.DataFrame]:
    rows = _magnitudes(records, run[run["config.dataset"] == "sinusoids"])
    if rows.empty or len(rows["frequency"].unique()) < 3:
        return
    for quantity, value in (("order of crossing", _crossing), ("order of magnitude", _mean_magnitude)):
        yield _rows("sines", run, _by_run(rows, value), quantity)


def _retained(rows: pd.DataFrame) -> pd.Series:
    return rows.set_index("frequency")["retention"].clip(upper=1).sort_index()


def _order_of_retention(rows: pd.DataFrame) -> float:
    retained = _retained(rows)
    return spearman(retained.index, retained)


def _retention_ratio(rows: pd.DataFrame) -> float:
    retained = _retained(rows)
    return float(retained.iloc[-1] / retained.iloc[0])


def _perturbation(records: Records, run: pd.DataFrame) -> Iterator[pd.DataFrame]:
    rows = _table(records, "parameter_perturbation", run)
    if rows.empty:
        return
    rows = _last(rows)
    rows = rows[rows["delta"] == DELTA]
    yield _rows("perturbation", run, _by_run(rows, _order_of_retention), "order of retention")
    yield _rows("perturbation", run, _by_run(rows, _retention_ratio), "retention, highest to lowest k")


def _final_dip(records: Records, run: pd.DataFrame) -> pd.DataFrame:
    """The last row of ``validation_dip`` of each run, by run_id; empty where there is none."""
    rows = _table(records, "validation_dip", run)
    return rows if rows.empty else _last(rows).set_index("run_id")


def _radial_noise(records: Records, run: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if _NOISE not in run:
        return
    radial = run[run[_NOISE] == "radial"]
    dip = _final_dip(records, radial)
    if dip.empty:
        return
    radial = radial.sort_values(_FREQUENCY, kind="stable")
    at = radial.set_index("run_id")[_FREQUENCY].map("k = {:g}".format)
    rows = _rows("radial label noise", radial, dip["dip_ratio"], "dip ratio", varied=[_FREQUENCY], at=at)
    yield rows
    rows = rows.assign(level=radial.loc[rows.index, _FREQUENCY])
    yield from _steps(rows, "steepest rise of the dip ratio", max)
    highest = rows["level"].max()
    if len(rows["level"].unique()) > 1:
        yield rows[rows["level"] == highest].assign(quantity="dip ratio at the highest k")


def _steps(rows: pd.DataFrame, quantity: str, chosen: Callable[[list[float]], float]) -> Iterator[pd.DataFrame]:
    """Of each setting and seed, the largest or smallest step of ``value`` from one ``level`` to the next."""
    for _, part in rows.groupby(["setting", "seed"]):
        values = part.sort_values("level")["value"]
        if len(values) > 1:
            yield part.head(1).assign(quantity=quantity, at="", value=chosen(values.diff().dropna().tolist()))


def _kernel_noise(records: Records, run: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if _NOISE not in run:
        return
    noisy = run[run[_NOISE].isin(["kernel", "white"])]
    dip, residual = _final_dip(records, noisy), _table(records, "kernel_residual", noisy)
    if dip.empty:
        return
    at = noisy.set_index("run_id")[_NOISE] + " noise"
    if not residual.empty:
        here = residual[residual["epoch"] == residual["run_id"].map(dip["minimum_epoch"])]
        ratio = _by_run(here, _high_to_low)
        yield _rows("kernel label noise", noisy, ratio, "residual, high to low", varied=[_NOISE], at=at)
    smallest = _rows("kernel label noise", noisy, dip["minimum"], "smallest error", varied=[_NOISE], at=at)
    yield smallest
    pairs = smallest.pivot_table(index=["experiment", "setting", "seed"], columns="at", values="value")
    if {"kernel noise", "white noise"} <= set(pairs):
        ratio = (pairs["kernel noise"] / pairs["white noise"]).dropna()
        yield ratio.rename("value").reset_index().assign(quantity="smallest error to white", at="kernel noise")


def _high_to_low(rows: pd.DataFrame) -> float:
    rows = rows.sort_values("band")
    squares = rows["residual"] ** 2 * (rows["last_index"] - rows["first_index"] + 1)
    sizes = rows["last_index"] - rows["first_index"] + 1
    high = rows["band"] >= (rows["band"].max() + 1) / 2
    return float(np.sqrt(squares[high].sum() / sizes[high].sum() / (squares[~high].sum() / sizes[~high].sum())))


def _manifold(records: Records, run: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if _PETALS not in run:
        return
    curves = run[run["config.dataset"] == "manifold_sinusoids"].sort_values(_PETALS, kind="stable")
    rows = _magnitudes(records, curves)
    if rows.empty:
        return
    petals = curves.set_index("run_id")[_PETALS]
    at = petals.map("L = {:g}".format)
    loss = _rows("manifold", curves, curves.set_index("run_id")["train_loss"], "loss", varied=[_PETALS], at=at)
    loss = loss.assign(level=curves[_PETALS])
    yield loss
    circle = loss[loss["level"] == 0].set_index(["setting", "seed"])["value"]
    others = loss[loss["level"] > 0]
    others = others[pd.MultiIndex.from_frame(others[["setting", "seed"]]).isin(circle.index)]
    of_circle = pd.MultiIndex.from_frame(others[["setting", "seed"]]).map(circle.to_dict())
    yield others.assign(quantity="loss to L = 0", value=others["value"] / np.asarray(of_circle, float))
    last = _last(rows)
    last = last[last["frequency"] == last.groupby("run_id")["frequency"].transform("max")]
    magnitude = last.set_index("run_id")["magnitude"]
    highest = _rows("manifold", curves, magnitude, "magnitude of the highest k", varied=[_PETALS], at=at)
    highest = highest.assign(level=curves[_PETALS])
    yield highest
    yield from _steps(highest, "least rise of that magnitude", min)


_MEASURES = (_sines, _perturbation, _radial_noise, _kernel_noise, _manifold)
