"""``python -m analysis plot``: the figures of some records, written as files."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis import figures, selection
from analysis.formatting import markdown_text, value_text
from analysis.load import AnalysisError, Records
from analysis.publishing import publish

MOST_CONTEXTS = 6
"""Settings beside the regularizer (model, data set, ...) that are drawn at once: each takes a minute and 25 figures."""
_NAMED = 8  # configurations left out, by name; of the others their number


def names() -> list[str]:
    """Names of all plots."""
    return list(figures.names())


def split(words: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Which words name plots, and which name folders with further records.

    Raises:
        AnalysisError: a word is neither; the message names the nearest plots.
    """
    known = names()
    chosen = [word for word in words if word in known]
    folders = [Path(word) for word in words if word not in known]
    for folder in folders:
        if not folder.exists():
            near = difflib.get_close_matches(str(folder), known, 3, 0.4)
            hint = f"Did you mean {' or '.join(near)}? " if near else ""
            raise AnalysisError(f"no plot and no folder is called '{value_text(str(folder))}'. {hint}All: --list.")
    return chosen, folders


def left_out(records: Records) -> str:
    """In words, which contexts (model, data set, ...) and configurations are not drawn; empty if all are."""
    contexts = figures.contexts(records)
    said = []
    if len(contexts) > MOST_CONTEXTS:
        said.append(
            f"The first {MOST_CONTEXTS} of {len(contexts)} settings beside the regularizer are drawn; choose others "
            f"with --where KEY=VALUE. The seventh would be: {value_text(contexts[MOST_CONTEXTS])}."
        )
    table = records.configurations.table
    for context in contexts[:MOST_CONTEXTS]:
        here = table[table["context"] == context]
        shown, sentence = selection.drawn(records.narrowed(here["configuration"].tolist()))
        if sentence:
            missing = here[
                (here["complete"] > 0) & ~here["configuration"].isin(shown.configurations.table["configuration"])
            ]
            labels = [value_text(label) for label in missing["label"].head(_NAMED)]
            more = f" and {len(missing) - _NAMED} more" * (len(missing) > _NAMED)
            said.append(f"In figures of lines and panels {sentence} Left out: {', '.join(labels)}{more}.")
    return " ".join(said)


def drawn(records: Records, names: Sequence[str], folder: Path, formats: Sequence[str]) -> Iterator[Path]:
    """Write the plots of every context, one at a time, and at last ``captions.md``, which says what they show.

    Args:
        names: the plots; all that these records have rows for if empty.
        formats: of the files: png, svg, pdf; gif and mp4 for those that move.

    Returns:
        Each file as soon as it is written.

    Raises:
        AnalysisError: the folder cannot be made or written, or no run is complete.
    """
    if not (records.configurations.table["complete"] > 0).any():
        raise AnalysisError(f"{value_text(records.name)}: no run is complete, so there is nothing to draw.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnalysisError(f"{folder}: cannot be made ({error.strerror}). Give another -o FOLDER.") from error
    moving_only = not set(formats) & set(figures.STILL)
    make = figures.animations if moving_only else figures.plates
    captions = [left_out(records)] if left_out(records) else []
    for context in figures.contexts(records)[:MOST_CONTEXTS]:
        for plate in make(records, context, list(names) or None):
            written = figures.save(plate, folder, formats)
            yield from written
            files = markdown_text(", ".join(path.name for path in written))
            captions += [f"## {markdown_text(plate.title)}", files, markdown_text(plate.caption), f"`{plate.source}`"]
    if not any(text.startswith("## ") for text in captions):
        raise AnalysisError("nothing to draw: these plots do not move. Ask for png, svg or pdf." if moving_only else
                            "nothing to draw: these records have no rows for any plot.")  # fmt: skip
    publish(folder / "captions.md", ("\n\n".join(captions) + "\n").encode())
    yield folder / "captions.md"
