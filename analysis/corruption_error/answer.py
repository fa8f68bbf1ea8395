"""``python -m analysis corruption-error``: what it divides by, and its answer as text and as a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import compare, export, table
from analysis.configuration import PREFIX
from analysis.corruption_error.formula import BENCHMARK, Baseline
from analysis.corruption_error.tested_images import (
    COMPUTED,
    DATASET,
    Pair,
    apart,
    difference,
    generator_cautions,
    tested_images,
)
from analysis.formatting import (
    LATEX_HEAD,
    MISSING,
    estimate_text,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    printable,
    value_text,
    wrapped,
)
from analysis.frames.corruption_error import (
    Found,
    Reference,
    Scored,
    images_text,
    lacking_sentences,
    published_table,
    scored,
)
from analysis.layout import fitted
from analysis.load import AnalysisError, Records, load
from analysis.rows import STATISTICS

SIDES = {"cifar10": 32, "cifar100": 32, "svhn": 32, "mnist": 28, "fashion_mnist": 28, "digits": 8}
"""Height and width in pixels where the record does not hold them."""
HEADS = {
    "clean_error": "clean error %",
    "mean_accuracy": "mean accuracy %",
    "mce": "mCE %",
    "relative_mce": "relative mCE %",
}
EACH = {"ce": "CE", "error": "mean error over the severities"}
NO_BASELINE = (
    "mCE and relative mCE need a baseline, and none is given: --baseline KEY=VALUE (a configuration of these records), "
    "a run's folder, or a table FILE.csv (corruption,severity,error)."
)
MEANINGS: Mapping[str, tuple[str, str]] = {
    **export.COLUMNS,
    "images": ("test images: computed here, or the published set", "1"),
    "baseline": ("whose errors mce, relative_mce, ce/* and relative_ce/* are divided by", "1"),
    "paired": ("whether each seed is divided by the baseline's run of that seed, or all by its mean", "1"),
    "metric": ("clean_error, mean_accuracy, mce, relative_mce; of one corruption error/*, ce/*, relative_ce/*", "1"),
}
"""Definition and unit of the columns of :func:`frame`."""


def reference(records: Records, given: Sequence[str] | None, found: Scored) -> tuple[Reference | None, list[Records]]:
    """What ``--baseline`` means: a configuration of the records, a run's folder, or a published table.

    Args:
        given: ``KEY=VALUE`` (several: all of them hold), or one path; None: no baseline.
        found: the errors of ``records``.

    Returns:
        The reference, and the records that were read for it.

    Raises:
        AnalysisError: none of the three, several paths, or the baseline is not what it has to be.
    """
    if not given:
        return None, []
    paths = [text for text in given if Path(text).exists() or "=" not in text]
    if not paths:
        return within(records, pairs(given), found), []
    if len(given) > 1:
        raise AnalysisError(
            f"--baseline was given {len(given)} times, {value_text(paths[0])} among them: give one folder or one file, "
            "or only KEY=VALUE."
        )
    path = Path(paths[0])
    if path.is_dir():
        other = load(path)
        return of_folder(records, other), [other]
    if not path.is_file():
        raise AnalysisError(
            f"--baseline {value_text(given[0])}: no such folder or file, and no KEY=VALUE. Give KEY=VALUE of a "
            "configuration (such as regularizer=none), a run's folder, or a FILE.csv with corruption,severity,error."
        )
    baseline = Baseline.read(path, value_text(path.name))
    return published_table(baseline, [str(c) for c in records.configurations.table["configuration"]]), []


def pairs(given: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts by key."""
    return {key: value for key, _, value in (text.partition("=") for text in given)}


def within(records: Records, wanted: Mapping[str, str] | None, found: Scored) -> Reference:
    """A configuration of the same records: for each the one that agrees with it in everything else that differs.

    Raises:
        AnalysisError: no configuration is such a baseline, or it was tested on other images than all others.
    """
    wished = compare.baselines(records.configurations, wanted)
    wished |= {label: label for label in set(wished.values())}
    words = " ".join(f"{key}={value}" for key, value in (wanted or {}).items())
    given = value_text(f"--baseline {words}") if wanted else "no baseline"
    if not wished:
        raise AnalysisError(
            f"{given}: no other configuration agrees with it in everything else that differs, so there is nothing to "
            "compare with it."
        )
    partner, others = _same_images(records, records, wished, found)
    if others and all(label == baseline for (_, label), baseline in partner.items()):
        raise AnalysisError(f"{given}: it was {others[0]}; only errors on the same images can be compared.")
    names = {label: label for label in wished.values()}
    return Reference(found, partner, names, within=True, cautions=_cautions(records, records, partner, names, others))


def of_folder(records: Records, other: Records) -> Reference:
    """The one configuration in another folder, for every configuration that was tested on the same images.

    Raises:
        AnalysisError: the folder holds several configurations, none was scored whole, or the test images differ.
    """
    table = other.configurations.table
    if len(table) > 1:
        raise AnalysisError(
            f"--baseline {value_text(other.name)}: holds {len(table)} configurations, expected one. Give one run's "
            "folder, or add the folder to PATH and choose with --baseline KEY=VALUE."
        )
    label = str(table["configuration"].iloc[0])
    base = scored(other)
    if base.sums.empty:
        reasons = " ".join(lacking_sentences(base)) or "It has no complete run with them."
        raise AnalysisError(f"--baseline {value_text(other.name)}: not the benchmark's 15 x 5. {reasons}")
    wished = dict.fromkeys(map(str, records.configurations.choices.index), label)
    partner, others = _same_images(records, other, wished, base)
    if not partner:
        raise AnalysisError(
            f"--baseline {value_text(other.name)}: was {'; '.join(others)}; only errors on the same images can be "
            "compared."
        )
    names = {label: value_text(other.name)}
    return Reference(base, partner, names, within=False, cautions=_cautions(records, other, partner, names, others))


def _same_images(
    records: Records, other: Records, wished: Mapping[str, str], base: Scored
) -> tuple[dict[Pair, str], list[str]]:
    """The baselines that were tested on the same images, and in words how the images of the others differ.

    Args:
        wished: configuration in ``records`` -> label of its baseline in ``other``.
        base: the errors of ``other``.
    """
    ours, theirs = tested_images(records), tested_images(other)
    partner: dict[Pair, str] = {}
    words: dict[str, None] = {}
    for images in base.sums.index.unique("images"):
        for label, baseline in wished.items():
            names = difference(ours[label], theirs[baseline], images)
            if not names:
                partner[images, label] = baseline
                continue
            mine, its = apart(ours[label], theirs[baseline], names)
            words[f"tested on {its}, these runs on {mine}"] = None
    return partner, list(words)


def _cautions(
    records: Records, other: Records, partner: Mapping[Pair, str], names: Mapping[str, str], others: Sequence[str]
) -> tuple[str, ...]:
    left = [
        f"A baseline was {words}: no ratio, for only errors on the same images can be compared." for words in others
    ]
    return (*left, *generator_cautions(records, other, partner, names))


def frame(records: Records, found: Found, *, per_corruption: bool) -> pd.DataFrame:
    """The estimates for other programs.

    Returns:
        images, configuration, baseline, paired, the choices that differ (``config.*``), metric, unit (fraction), and
        :data:`analysis.rows.STATISTICS`; single corruptions only where asked for.
    """
    shown = found.estimates
    if not per_corruption:
        shown = shown[~shown["metric"].str.contains("/", regex=False)]
    told = found.baselines[["baseline", "paired"]].reset_index()
    told["paired"] = told["paired"].astype(object).where(told["baseline"].notna())
    choices = records.configurations.choices[list(records.configurations.differing)].infer_objects()
    whole = shown.merge(told, how="left").merge(choices.reset_index(), on="configuration", how="left")
    whole["unit"] = "fraction"
    return whole[["images", "configuration", "baseline", "paired", *choices, "metric", "unit", *STATISTICS]]


@dataclass(frozen=True)
class Block:
    """A table of text: what it is of, columns that tell rows apart (``left`` of them flush left), the others, rows."""

    title: str
    names: Sequence[str]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int


def text(records: Records, found: Found, whole: Scored, form: str, width: int, *, per_corruption: bool) -> str:
    """The answer for people: a block for each kind of images, then what the numbers are and what is not there."""
    shown = list(blocks(records, found, per_corruption=per_corruption))
    counts = table.counts(records, table.MOST_INCOMPLETE)
    notes = [*footer(found), *lacking_sentences(whole)]
    lines: list[str] = []
    if form == "latex":
        for block in shown:
            grid = latex_grid([*block.names, *block.heads], block.rows, block.left)
            lines += [f"% {latex_text(block.title)}", *grid, ""]
        return "\n".join([LATEX_HEAD, *lines, *(f"% {latex_text(note)}" for note in [*counts, *notes])])
    if form == "markdown":
        for block in shown:
            grid = markdown_grid([*block.names, *block.heads], block.rows, block.left)
            lines += ["### " + markdown_text(block.title), "", *grid, ""]
        return "\n".join([*lines, "\n\n".join(map(markdown_text, [*counts, *notes]))])
    for block in shown:
        labels = [" · ".join(row[: block.left]) for row in block.rows]
        counted = len(block.names) - block.left
        lines += [*wrapped(block.title, width), *fitted(block.names, block.heads, block.rows, labels, width, counted)]
    above, below = ([line for note in part for line in wrapped(note, width)] for part in (counts, notes))
    return "\n".join([*above, "", *lines, *below])


def blocks(records: Records, found: Found, *, per_corruption: bool) -> Iterator[Block]:
    """The tables of text: of each kind of images the means and, where asked for, a row for each corruption."""
    for images, part in found.estimates.groupby("images", sort=False):
        has_ratio = bool(found.baselines["baseline"].xs(images, level="images").notna().any())
        metrics = [name for name in HEADS if has_ratio or not name.endswith("mce")]
        names, rows = cells(records, part, metrics)
        on = title(records, str(images), part["configuration"].unique())
        yield Block(on, names, [HEADS[name] for name in metrics], rows, len(names) - 1)
        if per_corruption:
            kind = "ce" if has_ratio else "error"
            labels, columns = cells(records, part, [f"{kind}/{name}" for name in BENCHMARK])
            heads = [" · ".join(row[: len(labels) - 1]) or "all" for row in columns]
            each = list(zip(BENCHMARK, *(row[len(labels) :] for row in columns), strict=True))
            yield Block(f"{on}: {EACH[kind]} of each corruption, %", ["corruption"], heads, each, 1)


def title(records: Records, images: str, labels: Iterable[str]) -> str:
    """What a block of numbers of these configurations was measured on, and whether the constants were scaled."""
    if images != COMPUTED:
        return f"Published images: {value_text(images)}"
    choices = records.configurations.choices.loc[list(labels)]
    sides = {_data_set(row): _side(row) for _, row in choices.iterrows()}
    sets = ", ".join(f"{name} ({side:g} px)" if side else name for name, side in sides.items())
    scaled = "" if set(sides.values()) == {32} else ", scaled to other sizes than 32 px"
    return f"Images computed here from {sets}, with the constants of CIFAR-10-C{scaled}"


def _data_set(choices: pd.Series) -> str:
    return value_text(choices.get(PREFIX + DATASET))


def _side(choices: pd.Series) -> float | None:
    """Height and width of the images in pixels; None if it is not known, as of images resized for another network."""
    if value_text(choices.get(f"{PREFIX}shift.resize")) == "true":
        return None
    size = value_text(choices.get(f"{PREFIX}{DATASET}.size"))
    return float(size) if size.isdecimal() else SIDES.get(_data_set(choices))


def cells(records: Records, part: pd.DataFrame, metrics: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The estimates on one kind of images as text.

    Returns:
        Names of the columns that tell rows apart (``n`` last), and a row of texts for each configuration.
    """
    shown = records.configurations.shown
    columns = ["metric", "mean", "half_width", "n"]
    rows = []
    for label, estimates in part.groupby("configuration", sort=False):
        by = {name: rest for name, *rest in zip(*(estimates[c] for c in columns), strict=True)}
        n = int(estimates["n"].max())
        texts = [_cell(n, *by[name]) if name in by else MISSING for name in metrics]
        rows.append([*map(str, shown.loc[label]), str(n), *texts])
    return [*(printable(str(c)) for c in shown), "n"], rows


def _cell(whole: int, mean: float, half_width: float, n: int) -> str:
    text = estimate_text(mean, half_width, "fraction")
    return text if n in (whole, 0) else f"{text} (n={n})"


def footer(found: Found) -> list[str]:
    """In words: the interval, each quantity, the baselines, and how they are paired."""
    bootstrapped = (found.estimates["method"] == "bca").any()
    kind = "95% Student-t interval" + (" (from 20 seeds on half the BCa bootstrap interval)" if bootstrapped else "")
    lines = [
        f"mean ± half-width of the {kind} over n seeds, in %; n = 1 has no interval and ranks nothing. Mean accuracy: "
        "over the 15 corruptions x 5 severities of the benchmark (RobustBench's convention)."
    ]
    told = found.baselines
    if told["baseline"].isna().all():
        return [*lines, NO_BASELINE]
    lines.append(
        "mCE: mean over the 15 corruptions of CE, the errors' sum over the severities divided by the baseline's; "
        "relative mCE: of the increase over the clean error. 100 is the baseline, less is better."
    )
    return [*lines, *_pairing(told), *found.unfit, *_alone(told), *found.cautions, *_origins(told)]


def _pairing(told: pd.DataFrame) -> Iterator[str]:
    """The baselines, and whether each seed was divided by its own."""
    for baseline, part in told[told["baseline"].notna() & ~told["is_baseline"].astype(bool)].groupby(
        "baseline", sort=False
    ):
        paired = part["paired"].astype(bool)
        words = f"Baseline {value_text(baseline)}: "
        if paired.all():
            yield words + "paired, each seed divided by the baseline's run of that seed."
            continue
        labels = list(dict.fromkeys(value_text(label) for _, label in part.index[~paired]))
        which = "not paired" if not paired.any() else f"paired by seed, but for {_listed(labels)}"
        yield (
            f"{words}{which} (not of the same seeds): divided by the baseline's mean, whose own spread no interval has."
        )


def _alone(told: pd.DataFrame) -> Iterator[str]:
    for images, part in told[told["baseline"].isna()].groupby(level="images", sort=False):
        labels = [value_text(label) for label in part.index.get_level_values("configuration")]
        yield f"No baseline on {images_text(str(images))} for {_listed(labels)}: no ratio."


def _listed(labels: Sequence[str], most: int = 3) -> str:
    return ", ".join(labels[:most]) + (f" and {len(labels) - most} more" if len(labels) > most else "")


def _origins(told: pd.DataFrame) -> Iterator[str]:
    images = list(dict.fromkeys(told.index.get_level_values("images")))
    if len(images) > 1:
        yield (
            "Images computed here and published ones are different test sets: they are in no common mean, and neither "
            "is the other's baseline."
        )
