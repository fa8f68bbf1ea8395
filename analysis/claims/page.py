"""``python -m analysis claims``: published claims beside the records, as one Markdown page or as a frame.

Everything on the page is made from the records by fixed rules, in a fixed order, without a clock: equal records and
equal paths give an equal file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import aggregate, metric
from analysis.claims.claim import Claim, Setting, claims, runs_of, settings, studies, wanted
from analysis.claims.command import Given, claims_command, compare_commands, query_commands
from analysis.claims.detail import layer_rows, levels, mask_rows, peaks, response_rows
from analysis.claims.measured import CHANGE, CORRELATION, DEEPER, LAYERS, MASKS, SHARE, tested
from analysis.claims.verdict import (
    CONTRADICTED,
    OPEN,
    SUPPORTED,
    counts,
    own_counts,
    own_data,
    size_counts,
    size_sentence,
    synthesis,
    whole,
)
from analysis.confounding import confounded
from analysis.formatting import MISSING, markdown_grid, markdown_text, number_text, p_text, value_text, with_sign
from analysis.frames.ssr import null_words
from analysis.load import Records
from analysis.published.ssr import suppression
from analysis.statistics import ALPHA
from analysis.statistics.multiplicity import what_n_allows

MOST = 4
"""Settings that the page shows for one claim; those nearest the published one."""
ID_LENGTH = 8


@dataclass(frozen=True)
class Answered:
    """A claim in one setting with its tests; ``number`` is its place on the page, ``more`` counts settings left out."""

    number: int
    claim: Claim
    setting: Setting
    frame: pd.DataFrame
    more: int = 0


def answers(records: Records) -> tuple[list[Answered], list[tuple[Claim, str]]]:
    """Every claim in every setting that the records have, and the claims that they do not measure, with the reason."""
    found: list[Answered] = []
    missing: list[tuple[Claim, str]] = []
    told = studies()
    for claim in claims():
        number = len({a.claim.id for a in found}) + 1
        every = settings(records, claim)
        here = [(s, f) for s in every[:MOST] if len(f := _named(tested(records, claim, s, told[claim.study])))]
        more = max(len(every) - MOST, 0)
        found += [Answered(number, claim, setting, frame, more) for setting, frame in here]
        if not here:
            why = "the configurations are here, but not what the claim is about" if every else (
                f"no setting has {wanted(claim)}, complete and with a seed in common"
            )  # fmt: skip
            missing.append((claim, why))
    return found, missing


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """With the name of each test, as sentences and tables call it."""
    labels = [label(d) for d in frame["definition"]]
    if len(set(frame["comparison"])) > 1:
        labels = [f"{c}: {text}" for c, text in zip(frame["comparison"], labels, strict=True)]
    return frame.assign(name=pd.Series(labels, frame.index, dtype="str"))


def label(definition: str) -> str:
    """A definition in words, with its unit."""
    if definition.startswith((DEEPER, CORRELATION, SHARE, CHANGE)):
        return definition
    return metric.describe(definition).label


def export(records: Records) -> pd.DataFrame:
    """Every test of the page at full precision: claim, setting, comparison, definition, ..., verdict."""
    parts = [a.frame.assign(claim=a.claim.id, setting=a.setting.words) for a in answers(records)[0]]
    columns = [
        "claim", "setting", "comparison", "definition", "unit", "claimed", "published", "computed", "mean", "low",
        "high", "half_width", "sd", "n", "p", "p_holm", "null_low", "null_high", "null_n", "verdict",
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


MEANINGS = {
    "claim": ("id of the claim in claims.json", "1"),
    "setting": ("model, data set and length of training of the records", "1"),
    "comparison": ("what is subtracted from what, paired by seed", "1"),
    "definition": ("the metric, or quantity over layers, under which the claim is put", "1"),
    "claimed": ("whether the claim was published under this definition", "1"),
    "published": ("published difference; missing where none can be had", "column unit"),
    "computed": ("whether the published difference was computed from published numbers", "1"),
    "null_low": ("lower end of the null: SSR between random initialisations", "1"),
    "null_high": ("upper end of the null", "1"),
    "null_n": ("draws of the null", "1"),
    "p_holm": ("p corrected by Holm's method over all tests of the claim in its setting", "1"),
    "verdict": ("supported, contradicted, cannot tell (leaning), or how it goes with depth", "1"),
}
"""Definition and unit of the columns of :func:`export` that other frames do not have."""


def page(records: Records, given: Given) -> str:
    """The whole page.

    Args:
        given: folders and conditions as they stand in the commands, absolute folders by their last name.
    """
    found, missing = answers(records)
    lines = [*_opening(records, given), *_glance(found, missing), *_rules()]
    for number in dict.fromkeys(a.number for a in found):
        lines += _section(records, [a for a in found if a.number == number], given)
    if missing:
        lines += ["## Not measured here", ""]
        for claim, why in missing:
            lines += [f"- **{claim.title}** ({_text(claim.source)}): {_text(why)}. To measure it:", ""]
            lines += [f"      {claim.command}", ""]
    return "\n".join([*lines, *_provenance(records, found)]) + "\n"


def _opening(records: Records, given: Given) -> Iterator[str]:
    runs = records.configurations.runs
    complete = int((runs["status"] == "complete").sum())
    yield "# Published claims beside our records"
    yield ""
    yield (
        "Regularizers are said to suppress high frequencies in a network's kernels, and to trade robustness for it. "
        "This page takes such published claims, and questions they leave open, one by one and asks: does it hold in "
        "the runs recorded here, and does it still hold when the quantity is defined another way (another layer, "
        "another reference, another measure of robustness)? "
        "A claim that holds under one definition only is a claim about that definition."
    )
    yield ""
    yield (
        f"Made from {complete} complete runs of {len(runs)} ({_text(records.name)}) by fixed rules; nothing is written "
        "by hand, and the same records give the same page:"
    )
    yield ""
    yield f"    {claims_command(given)}"
    yield ""
    yield "With `-o claims.csv` the same command gives every number below at full precision."
    yield ""


def _glance(found: Sequence[Answered], missing: Sequence[tuple[Claim, str]]) -> Iterator[str]:
    head = ["", "claim", "setting", "its own numbers", "as published, here", "supported", "contradicted", "cannot tell"]
    rows = []
    for a in found:
        judged = weighed(a)
        here = _as_published(judged) + size_counts(a.frame, a.claim.more_than)
        numbers = map(str, counts(judged))
        rows.append([str(a.number), a.claim.title, _setting_text(a), _own(a), here, *numbers])
    rows += [[MISSING, claim.title, "not measured here", "", "", "", "", ""] for claim, _ in missing]
    yield "## At a glance"
    yield ""
    yield from markdown_grid(head, rows, 5)
    yield ""
    yield (
        "*its own numbers*: under how many definitions the published numbers bear the claim out, where they can be "
        "had; they are of single runs, which by themselves establish no sign. *as published, here*: our verdict on the "
        "sign under the definitions of the publication; where the claim names a size, in how many of them our 95% "
        "interval lies wholly above or below it. The last three columns "
        "count our verdicts over all definitions. A setting marked \\* is not the published one: its verdicts neither "
        "reproduce nor refute the publication."
    )
    yield ""


def _setting_text(a: Answered) -> str:
    n = a.frame["n"]
    count = f"n = {n.min()}" if n.min() == n.max() else f"n = {n.min()} to {n.max()}"
    return f"{a.setting.words}, {count}{'*' if a.setting.deviations else ''}"


def weighed(a: Answered) -> pd.DataFrame:
    """What verdicts are counted over: the tests, or the definitions of a claim that needs every comparison."""
    if not a.claim.all:
        return a.frame
    judged = whole(a.frame).assign(name=lambda f: [label(d) for d in f["name"]])
    if a.setting.absent:  # an order of three is not shown by two of them
        judged.loc[judged["verdict"] == SUPPORTED, "verdict"] = OPEN
    return judged


def _as_published(judged: pd.DataFrame) -> str:
    """The verdict under the published definition; several are counted."""
    some = judged.loc[judged["claimed"], "verdict"]
    sure = judged["claimed"] & judged["verdict"].isin([SUPPORTED, CONTRADICTED]) & ~judged["can_reach"]
    some = some.where(~sure, some + ", if differences are normal")
    if some.empty:
        return MISSING
    if (some == some.iloc[0]).all():
        return str(some.iloc[0])
    return "; ".join(f"{verdict}: {n} of {len(some)}" for verdict, n in some.value_counts(sort=False).items())


def _own(a: Answered) -> str:
    places = own_counts(a.frame, a.claim.more_than)
    return f"{int((places == 'bears').sum())} of {len(places)} bear it out" if len(places) else "none"


def _rules() -> Iterator[str]:
    yield "## How to read this"
    yield ""
    for text in (
        "**Difference**: treated minus baseline, paired by seed, with its 95% Student-t interval over n pairs. "
        "Weight decay or dropout of strength 0 counts as no regularizer. Accuracies, drops, relative robustness and "
        "shares are in percentage points (pp), of the test images unless called validation. *Drop* is "
        "clean minus corrupted accuracy, *relative* is corrupted / clean: regularizers differ in clean accuracy, so "
        "that a gain under corruption may be one that clean images show as well.",
        "**SSR** (Spectral Suppression Ratio) = (H_ref − H) / H_ref: positive where a layer's kernels hold less "
        "high-frequency power H than in a reference state. A definition reads *layer normalization/reference*: first "
        "and last are the first and the last convolution (with kernels larger than 1 × 1); H is taken over "
        "the DC power (dc), over all of it as a mean of rings (total) or with every bin counted (energy), unscaled "
        "(absolute), or with the batch norm's gain folded in (absolute_folded). Absolute H falls with the size of the "
        "weights, which weight decay shrinks and batch norm undoes: alone it says nothing of frequencies. The "
        "reference is the random initialisation (init) or the state after the first epoch (epoch_1, as published).",
        f"**Verdict**, by one rule: *{SUPPORTED}*, if the difference has the claimed sign and p, after Holm's "
        f"correction over all tests of that table, is below {ALPHA}; *{CONTRADICTED}*, the same with the other "
        f"sign; *{OPEN}* in all else. *Leans for* or *against*: the difference's own 95% interval leaves out 0, which "
        "chance alone gives in one definition of twenty. No correction is made across claims. The verdict is on the "
        "sign; where the claim names a size, a sentence says on which side of it the intervals lie.",
        "**Setting**: a verdict speaks of the setting of the records. Where that deviates from the publication (a "
        "smaller network, fewer epochs) the claim itself is neither reproduced nor refuted.",
        "**Null**: the SSR between random initialisations of that layer. A difference against init inside this range "
        "is no larger than another initialisation would make; it enters no verdict, since pairs share theirs.",
        "**†** the published difference is computed: drop and relative from the published accuracies, SSRs from the "
        "published high/DC ratios H after epochs 1 and 50. That is exact for 3 × 3 kernels; init is the H = 2 of white "
        "kernels, the same for all, so that the three rows against init are one comparison, of the final H, in three "
        "scales.",
    ):
        yield f"- {text}"
    yield ""


def _section(records: Records, some: Sequence[Answered], given: Given) -> Iterator[str]:
    claim = some[0].claim
    study = studies()[claim.study]
    yield f"## {some[0].number}. {claim.title}"
    yield ""
    yield f"> {_text(claim.sentence)}"
    yield ">"
    yield f"> {_text(claim.source)}."
    yield ""
    own = list(own_data(some[0].frame, claim.more_than, study["runs"]))
    yield from _paragraphs([*map(_text, own), *_ratio(study, claim), *([_text(claim.note)] if claim.note else [])])
    for answered in some:
        yield from _in_setting(records, answered, len(some) > 1, given)
    if some[0].more:
        yield f"Not shown are {some[0].more} more settings, further from the published one: --where KEY=VALUE."
        yield ""
    yield "In, or near, the published setting it is measured by"
    yield ""
    yield f"    {claim.command}"
    yield ""


def _paragraphs(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield text
        yield ""


def _ratio(study: Mapping[str, Any], claim: Claim) -> list[str]:
    """What a published factor of SSRs is in terms of H itself."""
    treated, baseline = claim.comparisons[0]
    ratio = study.get("high_to_dc", {})
    if claim.kind != "metrics" or "ssr/first/*" not in claim.metrics or baseline is None:
        return []
    values = {row["regularizer"]: row["values"]["ssr/first/dc/epoch_1"] for row in study["rows"]}
    a, b = values[treated.regularizer], values[baseline.regularizer]
    end, start = (ratio[treated.label][k] for k in ("end", "epoch_1")), ratio[baseline.label]
    after, before = end
    again = [suppression(ratio[side.label], "dc", "epoch_1") for side in (treated, baseline)]
    return [
        f"The published factor is one of SSRs: {b} / {a} = {b / a:.2f}. The high-frequency ratio H itself ended at "
        f"{after} with and {start['end']} without, a factor of {start['end'] / after:.2f}; the references, H after "
        f"epoch 1, were {before} and {start['epoch_1']}. From these H the two SSRs come out as {again[0]:.3f} and "
        f"{again[1]:.3f}: that is how exactly H is known."
    ]


def _in_setting(records: Records, a: Answered, several: bool, given: Given) -> Iterator[str]:
    frame, judged = a.frame, weighed(a)
    if several:
        yield f"### {_text(a.setting.words)}"
        yield ""
    yield from _paragraphs([f"**{_text(synthesis(judged, a.setting.words))}** {_words_of(a)}"])
    head = ["definition", "verdict", "published", "here", "95% interval", "n", "p", "Holm p", "null"]
    rows = [_cells(row) for row in frame.itertuples()]
    kept = [i for i in range(len(head)) if any(row[i] not in ("", MISSING) for row in rows) or i < 1]
    yield from markdown_grid([head[i] for i in kept], [[row[i] for i in kept] for row in rows], 2)
    yield ""
    ssr = [name for name in a.claim.claimed if name.startswith("ssr/")]
    sizes = [*levels(records, a.setting, ssr), *size_sentence(frame, a.claim.more_than)]
    mixed = confounded(records, {(pair.treated, pair.baseline): pair.words for pair in a.setting.pairs})
    yield from _paragraphs(list(map(_text, [*sizes, " ".join(_notes(a)), *mixed])))
    yield from _details(records, a)
    commands = list(_commands(records, a, given))
    family = " (Holm p: over the tests of each command)" if len(commands) > 1 else ""
    yield f"The same numbers by{family}" if a.claim.kind == "metrics" else "The values they are made of, by"
    yield ""
    for command in commands:
        yield f"    {command}"
    yield ""


def _commands(records: Records, a: Answered, given: Given) -> Iterator[str]:
    """What gives the numbers of the tables: of metrics only those that some run has, or ``compare`` would refuse."""
    if a.claim.kind == "metrics":
        present = set(a.frame["definition"])
        metrics = [name for name in a.claim.metrics if name.endswith("*") or name in present]
        yield from compare_commands(records, a.setting, metrics, given)
    else:
        yield from query_commands(records, a.setting, LAYERS if a.claim.kind == "depth" else MASKS, given)


def _words_of(a: Answered) -> str:
    """What is compared, and how the setting deviates from the published one."""
    compared = "; ".join(dict.fromkeys(pair.words for pair in a.setting.pairs))
    absent = f" Not measured here: {'; '.join(a.setting.absent)}." if a.setting.absent else ""
    away = a.setting.deviations
    differs = (
        f"Not the published setting: {'; '.join(away)}." if away else "Nothing that the publication states differs."
    )
    return _text(f"Compared: {compared}.{absent} {differs}")


def _cells(row: Any) -> list[str]:
    """A row of a section's table; definitions of the publication are marked."""
    fraction = row.unit == "fraction"
    low, high = row.low, row.high
    if CORRELATION in row.definition:
        low, high = np.clip([low, high], -1, 1)
    interval = MISSING if pd.isna(low) else f"{_plus(low, row.unit)} to {_plus(high, row.unit)}"
    published = MISSING if pd.isna(row.published) else _plus(row.published, row.unit) + (" †" if row.computed else "")
    name = f"{row.name}{' pp' if fraction else ''}{' (as published)' if row.claimed else ''}"
    numbers = [published, _plus(row.mean, row.unit), interval, str(row.n), p_text(row.p), p_text(row.p_holm)]
    return [name, row.verdict, *numbers, _null(row)]


def _plus(value: float, unit: str) -> str:
    text = number_text(value, unit)
    return text if text.strip("0.") == "" else with_sign(text)


def _null(row: Any) -> str:
    if pd.isna(row.null_low):
        return MISSING
    place = "inside" if row.null_low <= row.mean <= row.null_high else "outside"
    return f"{_plus(row.null_low, '1')} to {_plus(row.null_high, '1')}, {place}"


def _notes(a: Answered) -> Iterator[str]:
    frame = a.frame
    tests = int(frame["p"].notna().sum())
    if tests:
        yield f"Holm p: over the family of the {tests} tests of this table."
    for n in sorted(set(frame["n"])):
        yield what_n_allows(int(n), tests)
    if (draws := null_words(frame["null_n"].dropna())) != "no draws":
        yield f"null: {draws}."
    if absent := frame.attrs.get("absent"):
        yield f"Not recorded here: {', '.join(map(label, absent))}."
    if frame["definition"].str.contains(CORRELATION).any():
        yield "Rank correlations are Spearman's, one a seed, tested against 0; their intervals are cut at ±1."
    if a.claim.kind == "masks" and not frame["definition"].str.contains(CORRELATION).any():
        yield "Two layers have no rank correlation (of two it is 1 or −1, whatever they do); it takes three or more."


def _details(records: Records, a: Answered) -> Iterator[str]:
    """Every layer, or every strength."""
    if a.claim.kind == "depth":
        for pair in a.setting.pairs:
            head, rows, note = layer_rows(records, pair)
            yield from markdown_grid(head, rows, 1)
            yield ""
            yield from _paragraphs([_text(note)])
    if a.claim.kind == "masks":
        for pair in a.setting.pairs:
            yield from markdown_grid(*mask_rows(records, pair), 1)
            yield ""
    if a.claim.response:
        head, rows = response_rows(records, a.claim, a.setting)
        yield from markdown_grid(head, rows, 1)
        yield ""
        yield from _paragraphs(list(map(_text, peaks(records, a.claim, a.setting))))


def _provenance(records: Records, found: Sequence[Answered]) -> Iterator[str]:
    used = {label for a in found for pair in a.setting.pairs for label in (pair.treated, pair.baseline) if label}
    labels = [str(c) for c in records.configurations.table["configuration"] if c in used]
    runs = runs_of(records, labels).merge(records["run"], on="run_id", suffixes=("", "_recorded"))
    yield "## Records"
    yield ""
    rows = []
    for configuration, group in runs.groupby("configuration", sort=False):
        made = [_versions(group, key, length) for key, length in (("package_version", 20), ("source_digest", 12))]
        ids = ", ".join(value_text(run_id)[:ID_LENGTH] for run_id in group["run_id"])
        rows.append([str(configuration), str(len(group)), ", ".join(group["seed"]), *made, ids])
    yield from markdown_grid(["configuration", "runs", "seeds", "version", "code", "run ids"], rows, 6)
    yield ""
    yield from _paragraphs(list(map(_text, [*aggregate.mixtures(records), *aggregate.missing_seeds(records)])))
    yield "Run ids by their first 8 letters; *version* and *code* are those of the frequency-reg that made the runs."


def _versions(group: pd.DataFrame, key: str, length: int) -> str:
    column = f"provenance.{key}"
    return ", ".join(dict.fromkeys(value_text(v)[:length] for v in group[column])) if column in group else MISSING


def _text(text: str) -> str:
    return markdown_text(text)
