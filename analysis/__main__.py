"""``python -m analysis table|compare|report PATH``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.load import AnalysisError, Records, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if the answer was printed but some files were damaged (each is named on stderr); 2 for bad input.
    """
    options = _parser().parse_args(arguments)
    try:
        records = load(options.path)
        print(_COMMANDS[options.command](records, options))
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for damage in records.damaged:
        print(f"damaged: {damage.path}: {damage.reason}; left out, rerun that run to replace it", file=sys.stderr)
    return 1 if records.damaged else 0


def _table(records: Records, options: argparse.Namespace) -> str:
    from analysis import metric, table

    render = table.markdown if options.format == "markdown" else table.terminal
    return render(records, options.metrics or metric.DEFAULT)


def _compare(records: Records, options: argparse.Namespace) -> str:
    from analysis import compare

    frame = compare.differences(records, _pairs(options.baseline), options.metrics)
    return compare.terminal(frame, markdown=options.format == "markdown")


def _report(records: Records, options: argparse.Namespace) -> str:
    from analysis import report

    target = options.output or records.path / "report.html"
    report.write(records, target, baseline=_pairs(options.baseline))
    return str(target)


_COMMANDS = {"table": _table, "compare": _compare, "report": _report}


def _pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    pairs = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise AnalysisError(f"--baseline '{text}': expected KEY=VALUE, such as regularizer=none.")
        pairs[key] = value
    return pairs or None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m analysis", description="Answers from the records of runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    path = argparse.ArgumentParser(add_help=False)
    path.add_argument("path", type=Path, help="a run's folder or a sweep's folder, such as outputs/NAME")
    shape = argparse.ArgumentParser(add_help=False)
    shape.add_argument("--format", choices=("terminal", "markdown"), default="terminal")
    shape.add_argument("--metrics", nargs="+", metavar="METRIC", help="such as clean_accuracy drop/resize")
    base = argparse.ArgumentParser(add_help=False)
    base.add_argument(
        "--baseline", action="append", metavar="KEY=VALUE", help="default: regularizer=none, or strength 0"
    )
    commands.add_parser("table", parents=[path, shape], help="mean, interval and n of every configuration")
    commands.add_parser("compare", parents=[path, shape, base], help="differences from a baseline, paired by seed")
    report = commands.add_parser("report", parents=[path, base], help="everything in one HTML file")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: PATH/report.html")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
