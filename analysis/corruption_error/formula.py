"""Corruption error (CE), its mean (mCE), the relative forms, and mean accuracy in RobustBench's convention.

With E[c, s] the error of a model under corruption c at severity s, E[clean] its error on the clean test set, and B the
same of a baseline:

    CE[c]          = sum_s E[c, s] / sum_s B[c, s]
    relative CE[c] = sum_s (E[c, s] - E[clean]) / sum_s (B[c, s] - B[clean])
    mCE, relative mCE = their means over the 15 corruptions of the benchmark
    mean accuracy  = mean over 15 corruptions x 5 severities of 1 - E[c, s]

1 is as good as the baseline, less is better. Source: Hendrycks & Dietterich, ICLR 2019, arXiv 1903.12261, the metrics
of ImageNet-C; mean accuracy: Croce et al. 2021, arXiv 2010.09670.

**A baseline belongs to a data set.** That of the paper is AlexNet on ImageNet-C: its errors say nothing about CIFAR. So
there is no default: the baseline is another configuration, a run, or a published table (:class:`Baseline`) that the
user gives, and its provenance is shown beside every number. (What is often called mCE on CIFAR-10-C is no ratio but the
plain mean error, 1 - mean accuracy.) Images that were computed here and published ones are different test sets: they
are never in one mean, nor one the other's baseline.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.formatting import printable
from analysis.load import AnalysisError

BENCHMARK = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
"""The corruptions of the benchmark; its extra ones (gaussian_blur, saturate, spatter, speckle_noise) do not count."""
SEVERITIES = (1, 2, 3, 4, 5)
COLUMNS = ["corruption", "severity", "error"]
FORM = "corruption,severity,error: a name, 1 to 5 (0 is the clean set), a fraction in [0, 1]"
"""What a row of a published table holds."""


def corruption_error(sums: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """CE of every corruption, a ratio; the relative CE where both are what :func:`increase` returns.

    Args:
        sums: a row for each model, a column for each corruption: its errors' sum over the severities.
        baseline: the same of what each model is compared with, index and columns as ``sums``.

    Returns:
        As ``sums``; missing where the baseline's sum is missing or not above 0. Below 0 only where an increase is.
    """
    return sums / baseline.where(baseline > 0)


def increase(sums: pd.DataFrame, clean: pd.Series) -> pd.DataFrame:
    """Sum over the severities of the error minus the clean error: what relative CE is made of.

    A model with a worse clean error may have a better relative CE: show both. Below 0 where the corruption helps.

    Args:
        sums: as of :func:`corruption_error`.
        clean: error of each model on the clean test set, a fraction; what is missing leaves its row missing.
    """
    return sums.sub(len(SEVERITIES) * clean, axis=0)


def mean_corruption_error(errors: pd.DataFrame) -> pd.Series:
    """The mCE (or relative mCE) of each row: the mean of all its CE with the same weight; missing if one of them is."""
    return errors.mean(axis=1, skipna=False)


def mean_accuracy(sums: pd.DataFrame) -> pd.Series:
    """Mean over corruptions x severities of the accuracy, a fraction: RobustBench's number; needs no baseline."""
    return 1 - sums.mean(axis=1, skipna=False) / len(SEVERITIES)


@dataclass(frozen=True)
class Baseline:
    """A published table of errors on one kind of corrupted images: what errors are divided by.

    Attributes:
        table: one row a corruption and severity: corruption, severity (1 to 5), error (fraction in [0, 1]). Names of
            published sets begin with the set and a colon (``cifar10c:fog``), all of them or none.
        clean: error on the clean test set, a fraction; None if it is not known.
        provenance: whose errors these are, as shown beside the results; required.
    """

    table: pd.DataFrame
    clean: float | None
    provenance: str

    def __post_init__(self) -> None:
        if not self.provenance.strip():
            raise AnalysisError("a baseline without provenance: say whose errors these are, on which data set")
        _check(self.table, self.provenance)
        if self.clean is not None and not 0 <= self.clean <= 1:
            raise AnalysisError(f"{self.provenance}: clean error {self.clean:g}, expected a fraction in [0, 1]")

    @property
    def origin(self) -> str:
        """The published set that the images are from; empty for computed ones."""
        return str(self.table["corruption"].iloc[0]).rpartition(":")[0]

    @property
    def sums(self) -> pd.Series:
        """Sum of the error over the severities, by corruption of :data:`BENCHMARK`, without its set.

        Raises:
            AnalysisError: a corruption or a severity is missing: a sum over fewer is another quantity.
        """
        names = self.table["corruption"].str.rpartition(":")[2]
        wanted = pd.MultiIndex.from_product([BENCHMARK, SEVERITIES], names=["corruption", "severity"])
        found = self.table.assign(corruption=names).set_index(["corruption", "severity"])["error"].reindex(wanted)
        gaps = [f"{name} {severity}" for name, severity in found.index[found.isna()]]
        if gaps:
            listed = ", ".join(gaps[:6]) + (f", ... ({len(gaps)})" if len(gaps) > 6 else "")
            raise AnalysisError(
                f"{self.provenance}: no error for {listed} (corruption and severity); a mean over fewer is another "
                "quantity, so add them"
            )
        return found.groupby("corruption", sort=False).sum()

    @classmethod
    def read(cls, path: Path, provenance: str) -> Baseline:
        """A published table: CSV with corruption, severity and error (fractions); severity 0 is the clean set.

        The clean error is the one row ``clean,0,ERROR``, if it is there. What follows a ``#`` is a comment.

        Raises:
            AnalysisError: not readable, other columns, a cell that is no name or number, or values out of range.
        """
        frame = _read(path)
        clean = frame.loc[frame["severity"] == 0, "error"]
        if len(clean) > 1:
            raise AnalysisError(f"{path}: {len(clean)} rows of severity 0, expected one (clean,0,ERROR)")
        rows = frame[frame["severity"] != 0].reset_index(drop=True)
        return cls(rows, None if clean.empty else float(clean.iloc[0]), provenance)


def _read(path: Path) -> pd.DataFrame:
    """The columns of a CSV file, checked row by row: corruption (text), severity and error (float)."""
    try:
        texts = [line.partition("#")[0] for line in path.read_text(encoding="utf-8-sig").splitlines()]
        numbers = [number for number, text in enumerate(texts, 1) if text.strip()]
        lines = list(csv.reader([texts[number - 1] for number in numbers], skipinitialspace=True))
    except (OSError, ValueError, csv.Error) as error:
        raise AnalysisError(f"{path}: cannot be read as CSV ({error}); expected {', '.join(COLUMNS)}") from error
    header = [name.strip() for name in lines[0]] if lines else []
    if not set(COLUMNS) <= set(header):
        found = printable(", ".join(header)) or "none"
        raise AnalysisError(f"{path}: columns {found}; expected {', '.join(COLUMNS)}")
    places = [header.index(name) for name in COLUMNS]
    rows = [[line[i].strip() if i < len(line) else "" for i in places] for line in lines[1:]]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("severity", "error"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
    # A decimal comma makes a cell too many, which must not be passed over.
    surplus = pd.Series([any(line[len(header) :]) for line in lines[1:]], dtype=bool)
    wrong = surplus | (frame["corruption"] == "") | frame[["severity", "error"]].isna().any(axis=1)
    if wrong.any():
        first = int(wrong.to_numpy().argmax()) + 1
        raise AnalysisError(f"{path}: line {numbers[first]}: {printable(','.join(lines[first]))}; expected {FORM}")
    return frame


def _check(table: pd.DataFrame, provenance: str) -> None:
    if table.empty:
        raise AnalysisError(f"{provenance}: no errors under corruption; expected rows of {FORM}")
    outside = table[~table["error"].between(0, 1) | ~table["severity"].isin(SEVERITIES)]
    if not outside.empty:
        row = outside.iloc[0]
        raise AnalysisError(
            f"{provenance}: {row['corruption']} {row['severity']:g} has the error {row['error']}; expected fractions "
            "in [0, 1] (not per cent) at severities 1 to 5"
        )
    twice = table[table.duplicated(["corruption", "severity"])]
    if not twice.empty:
        row = twice.iloc[0]
        raise AnalysisError(
            f"{provenance}: {row['corruption']} {row['severity']:g} stands there more than once; give one value each "
            "(of one seed, or their mean)"
        )
    origins = sorted({str(name).rpartition(":")[0] or "computed" for name in table["corruption"]})
    if len(origins) > 1:
        raise AnalysisError(
            f"{provenance}: images of {' and '.join(origins)} in one table; they are different test sets, so take one"
        )
