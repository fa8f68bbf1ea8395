"""How a table of text is laid out: in a terminal side by side, in blocks, or by the number of the row; or as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.formatting import (
    LATEX_HEAD,
    blocks,
    columns,
    grid_widths,
    latex_grid,
    latex_text,
    markdown_grid,
    markdown_text,
    shortened,
    stacked,
    text_grid,
    wrapped,
)

Texts = Sequence[Sequence[str]]


def text(
    names: Sequence[str], heads: Sequence[str], rows: Texts, notes: Sequence[str], form: str, width: int = 80
) -> str:
    """A table and the sentences below it in one of the formats for people: terminal, markdown or latex."""
    header = [*names, *heads]
    if form == "latex":
        grid = latex_grid(header, rows, len(names))
        return "\n".join([LATEX_HEAD, *grid, *(f"% {latex_text(note)}" for note in notes)])
    if form == "markdown":
        return "\n".join([*markdown_grid(header, rows, len(names)), "", "\n\n".join(map(markdown_text, notes))])
    labels = [" · ".join(text for text in row[: len(names)] if text) for row in rows]
    lines = fitted(names, heads, rows, labels, width, counted=0)
    return "\n".join(lines + [line for note in notes for line in wrapped(note, width)])


def fitted(
    names: Sequence[str], heads: Sequence[str], rows: Texts, labels: Sequence[str], width: int, counted: int = 1
) -> list[str]:
    """Lines of at most ``width`` columns that hold every value whole.

    The columns called ``names`` are repeated in every block of the others. Of the ways in which they fit - as they are,
    with the last part of dotted names, with heads broken into lines, and as numbers that a list before the table
    explains - the one with the fewest blocks is taken.

    Args:
        names, heads: of the columns that tell rows apart, and of the others.
        rows: the texts, ``len(names) + len(heads)`` in each row.
        labels: each row in one text, for a list where even the names' columns alone do not fit.
        counted: how many of the last columns of ``names`` are counts, which the list does not replace.
    """
    layouts = list(_layouts(names, heads, rows, width, counted))
    places = [(len(found) + (layout[0] == "list"), i) for i, layout in enumerate(layouts) if (found := layout[-1])]
    kind, left, header, texts, parts = layouts[min(places)[1]] if places else layouts[-1]
    lines: list[str] = []
    if kind == "list":
        lines += [*_list(names[: len(names) - counted], rows, labels, width), ""]
    for part in parts:
        chosen = [*range(left), *(left + i for i in part)]
        lines += [*text_grid([header[i] for i in chosen], [[row[i] for i in chosen] for row in texts], left), ""]
    return lines


def _list(names: Sequence[str], rows: Texts, labels: Sequence[str], width: int) -> list[str]:
    """The numbered rows: as a table of what tells them apart where that fits, or else a label each."""
    header = ["row", *(stacked(text, 12) for text in _last_parts(names))]
    texts = [[str(i), *row[: len(names)]] for i, row in enumerate(rows, 1)]
    if names and sum(grid_widths(header, texts)) + 2 * len(names) <= width:
        return text_grid(header, texts, len(header))
    digits = len(str(len(labels)))
    return [line for i, label in enumerate(labels, 1) for line in wrapped(f"{i:>{digits}} {label}", width)]


Layout = tuple[str, int, list[str], Texts, list[list[int]]]


def _layouts(names: Sequence[str], heads: Sequence[str], rows: Texts, width: int, counted: int) -> Iterator[Layout]:
    """Kind, number of left columns, header, texts and blocks of each layout; no blocks: it does not fit."""
    left = len(names)
    for kind, header in (
        ("plain", [*names, *heads]),
        ("short", [*_last_parts(names), *heads]),
        ("stacked", [stacked(text, 12) for text in [*_last_parts(names), *heads]]),
    ):
        yield kind, left, header, rows, _blocks(header, rows, left, width)
    numbered = [[str(i), *row[left - counted :]] for i, row in enumerate(rows, 1)]
    room = max(width - 12, 12)
    header = ["row", *names[left - counted :], *(shortened(text, room) for text in heads)]
    yield "list", counted + 1, header, numbered, _blocks(header, numbered, counted + 1, width)


def _blocks(header: Sequence[str], rows: Texts, left: int, width: int) -> list[list[int]]:
    widths = grid_widths(header, rows)
    room = width - sum(widths[:left]) - 2 * left
    if len(widths) == left:
        return [[]] if room >= -2 else []
    return blocks(widths[left:], room) if room >= max(widths[left:]) else []


def _last_parts(names: Sequence[str]) -> list[str]:
    """``optimizer.lr`` as ``lr`` where no other name ends so."""
    ends = [name.rpartition(".")[2] or name for name in names]
    return [end if ends.count(end) == 1 and columns(end) else name for name, end in zip(names, ends, strict=True)]
