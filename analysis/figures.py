"""The plots as files for papers: which there are, made from records, saved as pictures.

A plot is a file of ``analysis/plot/`` with its declaration (:mod:`analysis.plot.base`); it is found by that file.
"""

from __future__ import annotations

import difflib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from analysis import animation
from analysis.formatting import value_text
from analysis.load import AnalysisError, Records
from analysis.plot.base import Frame, Moving, Plot, Scope, source
from analysis.plot.style import house_style, seeds
from analysis.selection import drawn
from frequency_reg.records import RecordsError, write_file

STILL = ("png", "svg", "pdf")
MOVING = ("gif", "mp4")
FORMATS = (*STILL, *MOVING)

_SHARED = ("__init__", "base", "style")
_LONGEST_PART = 80


@dataclass(frozen=True)
class Plate:
    """A figure with its words.

    Attributes:
        name: of its files, without the ending: safe as a file name and unlike that of any other plate.
        title: in words.
        caption: what lines, bands and grey mean, n, and which share of the configurations is drawn.
        source: the calls whose frames it draws, such as ``analysis.frames.ssr.ssr_trajectories(records)``.
        figure: to look at and to save.
        moving: how the figure changes over training, where it does.
    """

    name: str
    title: str
    caption: str
    source: str
    figure: Figure
    moving: Moving | None = None


def names() -> list[str]:
    """Every plot there is: the files of ``analysis/plot/``."""
    files = (Path(__file__).parent / "plot").glob("*.py")
    return sorted(file.stem for file in files if file.stem not in _SHARED)


def declaration(name: str) -> Plot:
    """The declaration of the plot called ``name``.

    Raises:
        AnalysisError: there is none; the message names the nearest ones.
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 3, 0.4)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise AnalysisError(f"unknown plot '{value_text(name)}'.{hint} There are: {', '.join(known)}.")
    found = import_module(f"analysis.plot.{name}").PLOT
    assert isinstance(found, Plot), f"analysis/plot/{name}.py: PLOT is no Plot"
    return found


def contexts(records: Records) -> list[str]:
    """Every context with a complete run, in display order; if none has one, every context."""
    table = records.configurations.table
    complete = table[table["complete"] > 0]
    return list(dict.fromkeys((complete if len(complete) else table)["context"].astype(str)))


def plates(records: Records, context: str, names: Sequence[str] | None = None) -> Iterator[Plate]:
    """The figures of one context; those of all contexts at once come with the first context.

    Args:
        context: one of :func:`contexts`.
        names: which plots, of :func:`names`; None for every one that these records have rows for. A plot that was
            asked for and has no row is drawn as a sentence that says why.

    Raises:
        AnalysisError: there is no such plot, or the records cannot answer it.
    """
    return _plates(records, context, _every() if names is None else names, left_out=names is None)


def _plates(records: Records, context: str, names: Sequence[str], *, left_out: bool) -> Iterator[Plate]:
    """Plates of the plots called ``names``; those without a row are ``left_out``, or say why."""
    chosen = {name: declaration(name) for name in dict.fromkeys(names)}
    asked = {scope: _Frames(records, context, scope) for scope in Scope}
    taken: set[str] = set()
    for name, plot in chosen.items():
        if plot.scope is Scope.RECORDS and context != contexts(records)[0]:
            continue
        frames = [asked[plot.scope](frame) for frame in plot.frames]
        if left_out and not _has_rows(frames[0]):
            continue
        for part, picture in plot.draw(*frames).items():
            moving = picture if isinstance(picture, Moving) else None
            words = [plot.caption, _counted(frames[0]), asked[plot.scope].selection]
            yield Plate(
                _file_name(name, part, "" if plot.scope is Scope.RECORDS else _slug(records, context), taken),
                plot.title + (f": {part.replace('_', ' ')}" if part else ""),
                " ".join(word for word in words if word),
                "; ".join(map(source, plot.frames)),
                picture.figure if isinstance(picture, Moving) else picture,
                moving,
            )


def animations(records: Records, context: str, names: Sequence[str] | None = None) -> Iterator[Plate]:
    """Those of :func:`plates` that move over training."""
    asked = _every() if names is None else list(names)
    moving = [name for name in asked if declaration(name).moves]
    found = _plates(records, context, moving, left_out=names is None)
    return (plate for plate in found if plate.moving is not None)


def save(plate: Plate, folder: Path, formats: Sequence[str] = ("png",), *, dpi: int = 200) -> list[Path]:
    """Write a plate into ``folder``, each file whole or not at all. Equal records give equal bytes.

    Args:
        formats: of :data:`FORMATS`; gif and mp4 are written of plates that move, png, svg and pdf of all.
        dpi: dots per inch of a png.

    Returns:
        The files written.

    Raises:
        AnalysisError: unknown format, no ffmpeg for mp4, or the folder refuses the file.
    """
    paths = []
    for kind in dict.fromkeys(formats):
        if kind not in FORMATS:
            raise AnalysisError(f"unknown format '{value_text(kind)}'. There are: {', '.join(FORMATS)}.")
        if kind in MOVING and plate.moving is None:
            continue
        path = folder / f"{plate.name}.{kind}"
        content = _still(plate.figure, kind, dpi) if kind in STILL else _film(plate.moving, kind)
        try:
            write_file(path, content)
        except RecordsError as error:
            reason = str(error).partition(": ")[2].partition(";")[0]
            raise AnalysisError(f"{path}: {reason}. Free space, or give another folder with -o FOLDER.") from error
        paths.append(path)
    return paths


def _still(figure: Figure, kind: str, dpi: int) -> bytes:
    sink = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    # Fonts, the salt of ids and how text is read are settings of the moment when a figure is written.
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box stands for it
        figure.savefig(sink, format=kind, dpi=dpi, metadata=metadata)
    return sink.getvalue()


def _film(moving: Moving | None, kind: str) -> bytes:
    assert moving is not None
    with house_style():
        return animation.gif(moving) if kind == "gif" else animation.mp4(moving)


class _Frames:
    """Frames of one scope, each computed once."""

    def __init__(self, records: Records, context: str, scope: Scope) -> None:
        self._records, self._context, self._scope = records, context, scope
        self._narrowed: Records | None = None
        self._known: dict[str, pd.DataFrame] = {}
        self.selection = ""

    def __call__(self, frame: Frame) -> pd.DataFrame:
        if self._narrowed is None:
            self._narrowed, self.selection = self._narrow()
        call = source(frame)
        if call not in self._known:
            try:
                self._known[call] = frame(self._narrowed)
            except RecordsError as error:
                raise AnalysisError(str(error)) from error
        return self._known[call]

    def _narrow(self) -> tuple[Records, str]:
        if self._scope is Scope.RECORDS:
            return self._records, ""
        table = self._records.configurations.table
        here = self._records.narrowed(table.loc[table["context"] == self._context, "configuration"].tolist())
        return drawn(here) if self._scope is Scope.DRAWN else (here, "")


def _every() -> list[str]:
    return names()


def _has_rows(frame: pd.DataFrame) -> bool:
    return bool(frame["mean"].notna().any()) if "mean" in frame else len(frame) > 0


def _counted(frame: pd.DataFrame) -> str:
    text = seeds(frame)
    return f"{text}." if text else ""


def _slug(records: Records, context: str) -> str:
    """The context as a part of file names, unlike that of any other context; nothing if there is only one."""
    every = contexts(records)
    if len(every) < 2:
        return ""
    slugs = {other: _safe(other) for other in every}
    slug = slugs.get(context, _safe(context))
    unlike = slug and list(slugs.values()).count(slug) <= 1
    return slug if unlike or context not in every else f"{slug}-{every.index(context) + 1}".strip("-")


def _file_name(name: str, part: str, context: str, taken: set[str]) -> str:
    """Name of a plate's files, unlike any name in ``taken``."""
    whole = "-".join(text for text in (name, _safe(part), context) if text)
    number, free = 2, whole
    while free in taken:
        number, free = number + 1, f"{whole}-{number}"
    taken.add(free)
    return free


def _safe(text: str) -> str:
    """Letters, digits, ``=``, ``_``, ``-`` and inner dots of a text, at most 80 of them."""
    return re.sub(r"[^A-Za-z0-9=._]+", "-", text)[:_LONGEST_PART].strip("-.")
