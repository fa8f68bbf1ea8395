"""Which test images the errors of a configuration belong to: those on other images are no baseline of it.

Images are the same where the data are (by their digest; where a record has none, by the choices of the data set that
reach the test split) and, of images that were computed here, the seed of the corruptions and the cut to 8 bits. Another
version of the code that made them is no other test set by design, but may be one: it is said, not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from analysis.configuration import PREFIX
from analysis.corruption_error.benchmark import benchmark_name
from analysis.corruption_error.formula import BENCHMARK
from analysis.formatting import MISSING, is_missing, value_text
from analysis.load import Records

COMPUTED = "computed"
"""What ``images`` says of images computed here; of published ones it says the set, such as ``cifar10c``."""
DATASET = "dataset"
DATA = "data"
DIGEST = "provenance.data_digest"
GENERATOR = "provenance.generator."
ABSENT = {"evaluation.eight_bit": "false", "shift.resize": "false", "shift.labels": MISSING}
"""What a record means that does not hold a key; other keys it lacks are not compared."""
TRAINING = ("root", "download", "validation_size", "split_seed", "crop_padding", "horizontal_flip")
"""Choices of a data set that do not reach its test images."""

Key = Mapping[str, str]
"""What tells test images apart: name -> recorded value as text."""
Pair = tuple[str, str]
"""Images (:data:`COMPUTED` or the published set) and a configuration."""


def tested_images(records: Records) -> dict[str, Key]:
    """Configuration -> what its test images are: data set, its choices, digest of the data, evaluation, shift."""
    kept = {DATASET, "evaluation.seed", *ABSENT}
    trained = {f"{DATASET}.{name}" for name in TRAINING}
    run = _complete(records)
    run = run if DIGEST in run else run.assign(**{DIGEST: None})
    found: dict[str, Key] = {}
    for label, choices in records.configurations.choices.iterrows():
        key = dict(ABSENT)
        for column, value in choices.items():
            name = str(column).removeprefix(PREFIX)
            if (name in kept or name.startswith(f"{DATASET}.")) and name not in trained and not is_missing(value):
                key[name] = value_text(value)
        digests = {value_text(v)[:12] for v in run.loc[run["configuration"] == label, DIGEST] if not is_missing(v)}
        if digests:
            key[DATA] = ", ".join(sorted(digests))
        found[str(label)] = key
    return found


def difference(ours: Key, theirs: Key, images: str) -> list[str]:
    """Names in which two keys differ; empty where the test images are the same."""
    both = [name for name in {**ours, **theirs} if name in ours and name in theirs]
    if images != COMPUTED:  # stored as they are: neither drawn nor cut here
        both = [name for name in both if not name.startswith("evaluation.")]
    if DATA in both:
        both = [name for name in both if not name.startswith(f"{DATASET}.")]
    return [name for name in both if ours[name] != theirs[name]]


def apart(ours: Key, theirs: Key, names: Sequence[str]) -> tuple[str, str]:
    """Two test sets in words, each by its data set and the values of ``names``."""
    listed = [name for name in names if name != DATASET]
    first, second = (
        ", ".join([key.get(DATASET, MISSING), *(f"{name}={key[name]}" for name in listed)]) for key in (ours, theirs)
    )
    return first, second


def generator_cautions(
    records: Records, other: Records, partner: Mapping[Pair, str], shown: Mapping[str, str]
) -> Iterator[str]:
    """In words, whose corrupted images were made by other code than those of the baseline.

    Args:
        records: of the configurations.
        other: of their baselines.
        partner: images and configuration -> label of the baseline in ``other``.
        shown: that label -> how it is shown.
    """
    ours, theirs = _generators(records), _generators(other)
    told: dict[tuple[str, str, str], list[str]] = {}
    for (images, label), baseline in partner.items():
        mine, base = ours.get((images, label), {}), theirs.get((images, baseline), {})
        names = [name for name in BENCHMARK if name in mine and name in base and len(mine[name] | base[name]) > 1]
        if names:
            told.setdefault((images, ", ".join(names), shown[baseline]), []).append(value_text(label))
    for (images, listed, baseline), labels in told.items():
        what = "Computed images" if images == COMPUTED else f"Published images {value_text(images)}"
        yield (
            f"Caution: {what} of {listed} differ in their version ({GENERATOR}*) between {', '.join(labels)} and the "
            f"baseline {value_text(baseline)}: their errors may be on other images."
        )


def _generators(records: Records) -> dict[Pair, dict[str, set[str]]]:
    """Images and configuration -> corruption of the benchmark -> versions that the records name."""
    run = _complete(records)
    found: dict[Pair, dict[str, set[str]]] = {}
    for column in (str(column) for column in run.columns if str(column).startswith(GENERATOR)):
        # A published name's colon was recorded as a point.
        images, _, name = column.removeprefix(GENERATOR).rpartition(".")
        name = name if images else benchmark_name(name)
        for label, versions in run.groupby("configuration")[column]:
            known = {str(version) for version in versions.dropna()}
            if known:
                found.setdefault((images or COMPUTED, str(label)), {}).setdefault(name, set()).update(known)
    return found


def _complete(records: Records) -> pd.DataFrame:
    """The ``run`` table of complete runs, with the configuration's label."""
    runs = records.configurations.runs
    return records["run"].merge(runs.loc[runs["status"] == "complete", ["run_id", "configuration"]], on="run_id")
