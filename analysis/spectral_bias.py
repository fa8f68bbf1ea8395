"""``python -m analysis spectral-bias``: the criteria of spectral bias beside the records, with n and spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis import export, layout
from analysis.formatting import number_text
from analysis.frames.spectral_bias import DELTA, LEVEL, spectral_bias
from analysis.load import AnalysisError, Records


@dataclass(frozen=True)
class Criterion:
    """What a quantity of :mod:`analysis.frames.spectral_bias` must be where spectral bias holds."""

    quantity: str
    text: str
    holds: Callable[[pd.Series], pd.Series]
    at: tuple[str, ...] = ()
    """Where it is asked; nothing: everywhere."""


CRITERIA = (
    Criterion("order of crossing", ">= 0.9", lambda v: v >= 0.9),
    Criterion("order of magnitude", ">= 0.9", lambda v: v >= 0.9),
    Criterion("order of retention", "<= -0.9", lambda v: v <= -0.9),
    Criterion("retention, highest to lowest k", "< 0.7", lambda v: v < 0.7),
    Criterion("steepest rise of the dip ratio", "< 0", lambda v: v < 0),
    Criterion("dip ratio at the highest k", "< 0.6", lambda v: v < 0.6),
    Criterion("residual, high to low", "> 3", lambda v: v > 3, ("kernel noise",)),
    Criterion("smallest error to white", "< 1", lambda v: v < 1),
    Criterion("loss to L = 0", "< 1", lambda v: v < 1, ("L = 4",)),
    Criterion("loss to L = 0", "< 0.6", lambda v: v < 0.6, ("L = 10", "L = 16")),
    Criterion("least rise of that magnitude", "> 0", lambda v: v > 0),
)
"""Thresholds were set on short runs of the networks of Rahaman et al. 2019; the paper itself shows curves."""

MEANINGS = {
    "experiment": ("sines, perturbation, radial label noise, kernel label noise, manifold", "1"),
    "setting": ("configuration keys that differ between the experiment's runs", "1"),
    "quantity": ("see analysis/frames/spectral_bias.py", "1"),
    "at": ("what the quantity was measured at", "1"),
    "mean": ("mean over seeds", "1"),
    "sd": ("standard deviation over seeds (n - 1 in the denominator)", "1"),
    "smallest": ("smallest value of a seed", "1"),
    "largest": ("largest value of a seed", "1"),
    "n": ("seeds; one in which the quantity does not exist meets no criterion", "1"),
    "criterion": ("what the value must be; missing: none is asked", "1"),
    "met": ("seeds that meet the criterion", "1"),
}
"""Definition and unit of the columns of :func:`criteria`."""

NOTES = (
    f"Orders are Spearman correlations with the frequency k: of the first epoch at which |c_k| reaches {LEVEL:g} of "
    "the target's, of minus the mean of |c_k| / target over the epochs, and of the retention after a step of norm "
    f"{DELTA:g} in parameter space (cut at 1).",
    "Dip ratio: smallest / final validation error, on labels without noise. Residual, high to low: "
    "root mean square coefficient in the fast half of the kernel's eigenvectors over that in the slow half, at the "
    "epoch of the smallest validation error.",
    "A seed in which the quantity does not exist (no frequency ever crosses) has no part in the mean and meets no "
    "criterion. "
    "Criterion: what each seed must meet where spectral bias holds; thresholds of this project, the paper (Rahaman et "
    "al. 2019) shows curves.",
)


def criteria(records: Records) -> pd.DataFrame:
    """Every quantity of :func:`analysis.frames.spectral_bias.spectral_bias` over seeds, with its criterion.

    Returns:
        Columns of :data:`MEANINGS`, a row for each experiment, setting, quantity and place.

    Raises:
        AnalysisError: no complete run has the tables of any experiment.
    """
    values = spectral_bias(records)
    if values.empty:
        raise AnalysisError(
            "spectral-bias: no complete run has the tables that it reads. Run study=spectral_bias_sines_short, or "
            "choose a folder of runs with probe=[function_spectrum] on dataset=sinusoids."
        )
    keys = ["experiment", "setting", "quantity", "at"]
    rows = [
        dict(zip(keys, key, strict=True)) | _summary(part["value"], _criterion(str(key[2]), str(key[3])))
        for key, part in values.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows, columns=list(MEANINGS))


def _criterion(quantity: str, at: str) -> Criterion | None:
    found = [each for each in CRITERIA if each.quantity == quantity and (not each.at or at in each.at)]
    return found[0] if found else None


def _summary(values: pd.Series, criterion: Criterion | None) -> dict[str, object]:
    known = values.dropna()
    return {
        "mean": known.mean(),
        "sd": known.std(),
        "smallest": known.min(),
        "largest": known.max(),
        "n": len(values),
        "criterion": None if criterion is None else criterion.text,
        "met": None if criterion is None else int(criterion.holds(known).sum()),
    }


def text(frame: pd.DataFrame, form: str, width: int) -> str:
    """The frame of :func:`criteria` as a table for people."""
    names = ["experiment", "setting", "quantity", "at"]
    heads = ["mean", "sd", "range", "criterion", "met"]
    rows: list[Sequence[str]] = [_cells(row) for _, row in frame.iterrows()]
    return layout.text(names, heads, rows, NOTES, form, width)


def _cells(row: pd.Series) -> list[str]:
    asked = isinstance(row["criterion"], str)
    return [
        *(str(row[name]) for name in ("experiment", "setting", "quantity", "at")),
        number_text(row["mean"], "mse"),
        number_text(row["sd"], "mse"),
        f"{number_text(row['smallest'], 'mse')} .. {number_text(row['largest'], 'mse')}",
        row["criterion"] if asked else "",
        f"{int(row['met'])} of {row['n']}" if asked else f"n = {row['n']}",
    ]


def answer(records: Records, form: str, width: int) -> str | bytes:
    """:func:`criteria` in one of the formats of :mod:`analysis.export`."""
    frame = criteria(records)
    return export.encoded(frame, form, MEANINGS) if form in export.DATA else text(frame, form, width)
