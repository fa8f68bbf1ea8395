"""``python -m analysis table|compare|corruption-error|claims|spectral-bias|plot|report|compact|query PATH``."""

from __future__ import annotations

import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from analysis import arguments, export
from analysis.filter import filtered
from analysis.formatting import message, printable
from analysis.load import AnalysisError, Records, load
from analysis.publishing import publish
from frequency_reg.records import Damage


@dataclass(frozen=True)
class Answer:
    """What a command found: text or the bytes of a file, the records that it read, and damage it met elsewhere."""

    content: str | bytes
    sources: Sequence[Records]
    damaged: Sequence[Damage] = ()


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if the answer was given but some files were damaged (each is named on stderr); 2 for bad input; 130 if it
        was interrupted.
    """
    options = arguments.parsed(sys.argv[1:] if words is None else words)
    try:
        answer = _COMMANDS[options.command](options)
        _give(answer.content, getattr(options, "output", None) if options.command in _TO_FILES else None)
        sys.stdout.flush()
    except AnalysisError as error:
        _say(f"error: {error}", _given(options))
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) has enough. What is left in the buffer goes nowhere, silently.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return _noted(answer)


def _say(text: str, paths: Sequence[object]) -> None:
    """A message on stderr, wrapped; ``paths`` in it stay whole."""
    print(message(text, list(map(str, paths))), file=sys.stderr)


def _given(options: Namespace) -> list[Path]:
    """The paths of the command line."""
    every = [value for option in vars(options).values() for value in (option if isinstance(option, list) else [option])]
    return [value for value in every if isinstance(value, Path)]


def _give(content: str | bytes, output: Path | None) -> None:
    """Print the answer, or write it to the file and print the file's name."""
    if output is None:
        if content:
            print((content.decode() if isinstance(content, bytes) else content).rstrip("\n"))
        return
    data = content if isinstance(content, bytes) else content.rstrip("\n").encode() + b"\n"
    publish(output, data)
    print(output)


def _noted(answer: Answer) -> int:
    """Say on stderr what of the records was left out or is missing; the exit code."""
    sources = answer.sources
    repeated = [str(folder) for records in sources for folder in records.repeated]
    if repeated:
        listed = ", ".join(map(printable, repeated[:3])) + (", ..." if len(repeated) > 3 else "")
        _say(f"note: {len(repeated)} folders hold copies of runs, which count once: {listed}", repeated)
    lacking = {run: tables for records in sources for run, tables in records.lacking.items()}
    if lacking:
        named = [f"{printable(str(run))} ({', '.join(tables)})" for run, tables in lacking.items()]
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        _say(f"note: complete runs lack tables that they must have recorded: {', '.join(named[:3])}{more}", [])
    found = [damage for records in sources for damage in records.damaged]
    damages = list(dict.fromkeys([*found, *answer.damaged]))
    for damage in damages:
        reason = f"{damage.reason.rstrip('.')}; left out, {_mending(damage.reason)}"
        _say(f"damaged: {printable(str(damage.path))}: {reason}", [printable(str(damage.path))])
    return 1 if damages else 0


def _mending(reason: str) -> str:
    """What helps against a damage; most files a new run replaces."""
    cures = {
        "newer version": "update frequency-reg to read it",
        "Permission denied": "mend its permissions",
        "is a directory": "remove that folder and rerun that run",
        "another run": "remove it or rerun that run",
    }
    return next((cure for sign, cure in cures.items() if sign in reason), "rerun that run to replace it")


def _records(paths: Sequence[Path], where: Sequence[str]) -> Records:
    return filtered(load(paths[0] if len(paths) == 1 else list(paths)), where)


def _width(options: Namespace) -> int:
    """Columns to fill: as asked, those of the terminal (COLUMNS), or 80."""
    return int(options.width or max(40, shutil.get_terminal_size((80, 24)).columns))


def _table(options: Namespace) -> Answer:
    from analysis import metric, rows, table

    form = export.format_of(options.format, options.output)
    records = _records(options.paths, options.where)
    metrics, wild = rows.metrics_named(records, options.metrics or metric.headline(records))
    if options.runs:
        return Answer(_listing(records, metrics, form, options), [records])
    shown = rows.by_keys(records, options.group, metrics) if options.group else rows.by_configuration(records, metrics)
    shown = shown.without_empty(wild)
    shown = rows.ordered(shown, options.sort) if options.sort else shown
    shown = rows.marked(shown) if options.best else shown
    if form in export.DATA:
        whole = shown.taken(shown.keys.index[: options.limit])
        return Answer(export.encoded(rows.frame(whole, everything=options.all_columns), form), [records])
    if options.all_columns:
        shown = replace(shown, notes=tuple(table.constants(records)))
    if form == "terminal":
        return Answer(table.terminal(records, metrics, _width(options), shown, options.limit), [records])
    render = table.markdown if form == "markdown" else table.latex
    return Answer(render(records, metrics, shown.taken(shown.keys.index[: options.limit])), [records])


def _listing(records: Records, metrics: Sequence[str], form: str, options: Namespace) -> str | bytes:
    """One row a run."""
    from analysis import layout, runs

    if options.group or options.best:
        raise AnalysisError("--runs lists single runs: --group and --best belong to means over seeds. Leave them out.")
    frame = runs.listing(records, metrics, options.paths)
    frame = runs.ordered(frame, options.sort) if options.sort else frame
    frame = frame.head(options.limit) if options.limit else frame
    if form in export.DATA:
        return export.encoded(frame, form)
    names, heads, texts = runs.cells(frame, metrics)
    return layout.text(names, heads, texts, runs.footer(frame, metrics), form, _width(options))


def _compare(options: Namespace) -> Answer:
    from analysis import compare, rows, side_by_side

    if len(options.paths) > 1 and all(map(side_by_side.is_run, options.paths)):
        return _side_by_side(options)
    form = export.format_of(options.format, options.output)
    records = _records(options.paths, options.where)
    metrics = rows.metrics_named(records, options.metrics)[0] if options.metrics else None
    frame = compare.differences(records, _pairs(options.baseline), metrics, options.match)
    if form in export.DATA:
        return Answer(export.encoded(compare.export(frame), form), [records])
    if form == "latex":
        return Answer(compare.latex(frame), [records])
    return Answer(compare.terminal(frame, markdown=form == "markdown", width=_width(options)), [records])


def _side_by_side(options: Namespace) -> Answer:
    from analysis import rows, side_by_side

    if options.baseline or options.where or options.match:
        raise AnalysisError(
            "single runs are compared with the first of them: --baseline, --match and --where belong to sweeps. Leave "
            "them out."
        )
    form = export.format_of(options.format, options.output)
    runs = side_by_side.loaded(options.paths)
    named = rows.metrics_named(runs, options.metrics)[0] if options.metrics else side_by_side.default_metrics(runs)
    if form in export.DATA:
        return Answer(export.encoded(side_by_side.measured(runs, named), form), runs)
    return Answer(side_by_side.text(options.paths, runs, named, form, _width(options)), runs)


def _corruption_error(options: Namespace) -> Answer:
    from analysis.corruption_error import answer
    from analysis.frames import corruption_error

    form = export.format_of(options.format, options.output)
    records = _records(options.paths, options.where)
    whole = corruption_error.scored(records)
    reference, read = answer.reference(records, options.baseline, whole)
    found = corruption_error.corruption_errors(records, whole, reference)
    each = options.per_corruption
    if form in export.DATA:
        frame = answer.frame(records, found, per_corruption=each)
        return Answer(export.encoded(frame, form, answer.MEANINGS), [records, *read])
    text = answer.text(records, found, whole, form, _width(options), per_corruption=each)
    return Answer(text, [records, *read])


def _claims(options: Namespace) -> Answer:
    from analysis.claims import page
    from analysis.claims.command import Given

    form = export.format_of(options.format, options.output)
    if form == "latex":
        raise AnalysisError("claims: there is no LaTeX of this page. Use --format markdown, or csv for the numbers.")
    records = _records(options.paths, options.where)
    if form in export.DATA:
        meanings = {**export.COLUMNS, **page.MEANINGS}
        return Answer(export.encoded(page.export(records), form, meanings), [records])
    return Answer(page.page(records, Given(options.paths, options.where)), [records])


def _spectral_bias(options: Namespace) -> Answer:
    from analysis import spectral_bias

    form = export.format_of(options.format, options.output)
    records = _records(options.paths, options.where)
    return Answer(spectral_bias.answer(records, form, _width(options)), [records])


def _plot(options: Namespace) -> Answer:
    from analysis import drawing

    if options.list:
        return Answer("\n".join(drawing.names()), [])
    names, more = drawing.split(options.names)
    records = _records([options.path, *more], options.where)
    folder = options.output or options.path / "plots"
    if drawing.left_out(records):
        _say(f"note: {drawing.left_out(records)}", [])
    for path in drawing.drawn(records, names, folder, options.format):
        print(path, flush=True)
    return Answer("", [records])


def _report(options: Namespace) -> Answer:
    from analysis.report import document

    records = _records(options.paths, options.where)
    target = options.output or options.paths[0] / "report.html"
    document.write(records, target, baseline=_pairs(options.baseline))
    return Answer(str(target), [records])


def _compact(options: Namespace) -> Answer:
    from analysis import cache

    started = time.perf_counter()
    text, damaged = (cache.removed(options.path), []) if options.remove else cache.compacted(options.path)
    return Answer(f"{text} ({time.perf_counter() - started:.1f} s)", [], damaged)


def _query(options: Namespace) -> Answer:
    from analysis import layout, query

    form = export.format_of(options.format, options.output)
    records = _records(options.paths, options.where)
    if options.tables:
        return Answer(query.catalogue(records, _width(options)), [records])
    if not options.sql:
        raise AnalysisError("query: no SQL. Give it after PATH, such as 'SELECT * FROM runs LIMIT 5', or --tables.")
    frame: pd.DataFrame = query.answer(records, options.sql)
    if form in export.DATA:
        return Answer(export.encoded(frame, form, query.meanings(frame, records)), [records])
    if form == "terminal":
        return Answer(query.terminal(frame, _width(options), options.limit), [records])
    header, texts, left = query.cells(frame)
    return Answer(layout.text(header[:left], header[left:], texts, [], form), [records])


_COMMANDS: dict[str, Callable[[Namespace], Answer]] = {
    "table": _table,
    "compare": _compare,
    "corruption-error": _corruption_error,
    "claims": _claims,
    "spectral-bias": _spectral_bias,
    "plot": _plot,
    "report": _report,
    "compact": _compact,
    "query": _query,
}
_TO_FILES = ("table", "compare", "corruption-error", "claims", "spectral-bias", "query")


def _pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    pairs = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise AnalysisError(f"--baseline '{text}': expected KEY=VALUE, such as regularizer=none.")
        pairs[key] = value
    return pairs or None


if __name__ == "__main__":
    raise SystemExit(main())
