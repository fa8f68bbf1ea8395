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
there is no default: :class:`Baseline` is another configuration of the same records or a published table that the user
gives, and its provenance is shown beside every number. (What is often called mCE on CIFAR-10-C is no ratio but the
plain mean error, 1 - mean accuracy.) Images that were computed here and published ones are different test sets: they
are never in one mean, nor one the other's baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

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
MEND = "score the missing ones, or compare single corruptions"


@dataclass(frozen=True)
class Errors:
    """Errors of one model on one kind of corrupted images.

    Attributes:
        table: one row a corruption and severity: corruption, severity (1 to 5), error (fraction in [0, 1]). Names of
            published sets begin with the set and a colon (``cifar10c:fog``), all of them or none.
        clean: error on the clean test set, a fraction; None if it is not known.
        provenance: whose errors these are, as shown beside the results.
    """

    table: pd.DataFrame
    clean: float | None
    provenance: str

    def __post_init__(self) -> None:
        _check(self.table, self.provenance)
        if self.clean is not None and not 0 <= self.clean <= 1:
            raise AnalysisError(f"{self.provenance}: clean error {self.clean:g}, expected a fraction in [0, 1]")

    @property
    def origin(self) -> str:
        """The published set that the images are from; empty for computed ones."""
        return str(self.table["corruption"].iloc[0]).rpartition(":")[0]

    def sums(self, corruptions: Sequence[str]) -> pd.Series:
        """Sum of the error over the severities, by corruption without its set.

        Raises:
            AnalysisError: a corruption or a severity is missing: a sum over fewer is another quantity.
        """
        names = self.table["corruption"].str.rpartition(":")[2]
        wanted = pd.MultiIndex.from_product([corruptions, SEVERITIES], names=["corruption", "severity"])
        found = self.table.assign(corruption=names).set_index(["corruption", "severity"])["error"].reindex(wanted)
        gaps = [f"{name} {severity}" for name, severity in found.index[found.isna()]]
        if gaps:
            listed = ", ".join(gaps[:6]) + (f", ... ({len(gaps)})" if len(gaps) > 6 else "")
            raise AnalysisError(f"{self.provenance}: no error for {listed} (corruption and severity); {MEND}")
        return found.groupby("corruption", sort=False).sum()


class Baseline(Errors):
    """What errors are divided by; its provenance is required."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.provenance.strip():
            raise AnalysisError("a baseline without provenance: say whose errors these are, on which data set")

    @classmethod
    def read(cls, path: Path, provenance: str) -> Baseline:
        """A published table: CSV with corruption, severity and error (fractions); severity 0 is the clean set.

        The clean error is the one row ``clean,0,ERROR``, if it is there.

        Raises:
            AnalysisError: not readable, other columns, or values out of range.
        """
        try:
            frame = pd.read_csv(path, comment="#", skipinitialspace=True)
        except (OSError, ValueError) as error:
            raise AnalysisError(f"{path}: cannot be read as CSV ({error}); expected {', '.join(COLUMNS)}") from error
        if not set(COLUMNS) <= set(frame.columns):
            raise AnalysisError(f"{path}: columns {', '.join(map(str, frame.columns))}; expected {', '.join(COLUMNS)}")
        clean = frame.loc[frame["severity"] == 0, "error"]
        if len(clean) > 1:
            raise AnalysisError(f"{path}: {len(clean)} rows of severity 0, expected one (clean,0,ERROR)")
        rows = frame[frame["severity"] != 0].reset_index(drop=True)
        return cls(rows[COLUMNS], None if clean.empty else float(clean.iloc[0]), provenance)


def corruption_errors(model: Errors, baseline: Baseline, corruptions: Sequence[str] = BENCHMARK) -> pd.Series:
    """CE of every corruption, a ratio, indexed by corruption. Its mean is the mCE.

    Raises:
        AnalysisError: a severity is missing, computed and published images meet, or the baseline makes no error.
    """
    _check_same_images(model, baseline)
    return _ratio(model.sums(corruptions), baseline.sums(corruptions), baseline)


def relative_corruption_errors(model: Errors, baseline: Baseline, corruptions: Sequence[str] = BENCHMARK) -> pd.Series:
    """Relative CE of every corruption: the increase over the clean error, against the baseline's.

    A model with a worse clean error may have a better relative CE: show both. Below 0 where the corruption helps.

    Raises:
        AnalysisError: as :func:`corruption_errors`; or a clean error is not known; or the baseline loses nothing.
    """
    _check_same_images(model, baseline)
    for errors in (model, baseline):
        if errors.clean is None:
            raise AnalysisError(f"{errors.provenance}: no clean error, which the relative corruption error is made of")
    ours, theirs = (errors.sums(corruptions) - len(SEVERITIES) * (errors.clean or 0) for errors in (model, baseline))
    return _ratio(ours, theirs, baseline)


def mean_corruption_error(errors: pd.Series) -> float:
    """The mCE (or relative mCE): the mean of the CE of all corruptions, each with the same weight."""
    return float(errors.mean())


def mean_accuracy(model: Errors, corruptions: Sequence[str] = BENCHMARK) -> float:
    """Mean over corruptions x severities of the accuracy, a fraction: RobustBench's number; needs no baseline.

    Raises:
        AnalysisError: a corruption or a severity is missing.
    """
    return 1 - float(model.sums(corruptions).sum()) / (len(corruptions) * len(SEVERITIES))


def _ratio(model: pd.Series, baseline: pd.Series, source: Baseline) -> pd.Series:
    empty = [str(name) for name in baseline.index[baseline <= 0]]
    if empty:
        raise AnalysisError(
            f"{source.provenance}: under {', '.join(empty)} the baseline loses nothing, so nothing can be divided by "
            "it; choose another baseline"
        )
    return model / baseline


def _check(table: pd.DataFrame, provenance: str) -> None:
    if table.empty:
        raise AnalysisError(f"{provenance}: no errors under corruption; run with corruption=[...]")
    outside = table[~table["error"].between(0, 1) | ~table["severity"].isin(SEVERITIES)]
    if not outside.empty:
        row = outside.iloc[0]
        raise AnalysisError(
            f"{provenance}: {row['corruption']} {row['severity']} has the error {row['error']}; expected fractions in "
            "[0, 1] (not per cent) at severities 1 to 5"
        )
    twice = table[table.duplicated(["corruption", "severity"])]
    if not twice.empty:
        row = twice.iloc[0]
        raise AnalysisError(
            f"{provenance}: {row['corruption']} {row['severity']} stands there more than once; give one value each (of "
            "one seed, or their mean)"
        )
    origins = sorted({str(name).rpartition(":")[0] or "computed" for name in table["corruption"]})
    if len(origins) > 1:
        raise AnalysisError(
            f"{provenance}: images of {' and '.join(origins)} in one table; they are different test sets, so take one"
        )


def _check_same_images(model: Errors, baseline: Baseline) -> None:
    if model.origin != baseline.origin:
        ours, theirs = model.origin or "computed images", baseline.origin or "computed images"
        raise AnalysisError(
            f"{model.provenance} was scored on {ours}, the baseline {baseline.provenance} on {theirs}; only errors on "
            "the same images can be compared"
        )
