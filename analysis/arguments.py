"""The arguments of ``python -m analysis``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.export import FORMATS

_WHERE = "only runs with KEY=VALUE; also != < <= > >=, and lists: seed=0,1; repeat it for more conditions"
_FOLDER = "a run's folder or a sweep's folder, such as outputs/NAME; several are read together"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; wrong ones end the program with exit code 2 and the usage."""
    parser = _parser()
    options, rest = parser.parse_known_args(_joined(arguments))
    if rest and (options.command != "query" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if options.command == "query":
        options.words = [*options.words, *rest]  # options may stand between the folders and the SQL
        options.paths, options.sql = _folders_and_sql([str(options.path), *options.words], options.tables)
    if options.command == "plot" and options.path is None and not options.list:
        options.refuse("the following arguments are required: PATH (only --list does without)")
    return options


def _folders_and_sql(words: Sequence[str], tables: bool) -> tuple[list[Path], str | None]:
    """Every word is a folder; the last of several the SQL, if it is no folder and the tables are not asked for."""
    last = None if tables or len(words) == 1 or _is_folder(words[-1]) else words[-1]
    return [Path(word) for word in (words if last is None else words[:-1])], last


def _is_folder(word: str) -> bool:
    try:
        return Path(word).is_dir()
    except (OSError, ValueError):  # SQL may be longer than a path can be, or hold what no path holds
        return False


def _joined(arguments: Sequence[str]) -> list[str]:
    """``--sort -COLUMN`` as one word: the parser would take the minus for another option's."""
    words: list[str] = []
    for word in arguments:
        if words and words[-1] == "--sort" and word.startswith("-"):
            words[-1] = f"--sort={word}"
        else:
            words.append(word)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m analysis",
        description="Answers from the records of runs.",
        epilog="Exit code: 0; 1 if files were damaged or missing (each is named); 2 for bad input.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    paths, where, metrics, shape, base = _paths(), _where(), _metrics(), _shape(), _base()
    table = [paths, where, metrics, shape]
    _table(commands.add_parser("table", parents=table, help="mean, interval and n of configurations"))
    compare = commands.add_parser(
        "compare",
        parents=[*table, base],
        help="differences from a baseline, paired by seed; or two and more runs side by side",
    )
    compare.add_argument(
        "--match",
        metavar="METRIC",
        help="of several baselines that fit, the one nearest in this metric, such as validation_accuracy",
    )
    _corruption_error(
        commands.add_parser(
            "corruption-error",
            parents=[paths, where, shape],
            help="mCE, relative mCE and mean accuracy on the corruption benchmark",
        )
    )
    commands.add_parser(
        "claims",
        parents=[paths, where, shape],
        help="published claims beside the records, definition by definition, as a page",
    )
    commands.add_parser(
        "spectral-bias",
        parents=[paths, where, shape],
        help="does a network learn low frequencies first: the criteria beside the records",
    )
    _plot(commands.add_parser("plot", parents=[where], help="figures as files"))
    report = commands.add_parser("report", parents=[paths, where, base], help="everything in one HTML file")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: PATH/report.html")
    compact = commands.add_parser("compact", help="make the cache that later commands read instead of many small files")
    compact.add_argument("path", type=Path, metavar="PATH", help="a sweep's folder")
    compact.add_argument("--remove", action="store_true", help="delete the cache; the records stay")
    _query(commands.add_parser("query", parents=[where, shape], help="SQL over the records"))
    return parser


def _paths() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("paths", type=Path, nargs="+", metavar="PATH", help=_FOLDER)
    return parent


def _metrics() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--metrics", "--columns", nargs="+", metavar="METRIC", help="such as clean_accuracy 'accuracy/gaussian_noise/*'"
    )
    return parent


def _where() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--where", action="append", default=[], metavar="KEY=VALUE", help=_WHERE)
    return parent


def _shape() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--format",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: by the ending of -o FILE, or else terminal",
    )
    parent.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to FILE instead of the terminal")
    parent.add_argument("--width", type=_at_least(40), metavar="N", help="columns of the terminal; default: its own")
    return parent


def _base() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--baseline",
        action="append",
        metavar="KEY=VALUE",
        help="default: regularizer=none; where nothing else differs and there is no none, strength 0",
    )
    return parent


def _table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--group", nargs="+", metavar="KEY", help="a row for each value of KEY, pooled over all else")
    parser.add_argument("--sort", metavar="COLUMN", help="a metric or a key; -COLUMN descends")
    parser.add_argument("--best", action="store_true", help="mark (*) the rows that may be the best")
    parser.add_argument("--all-columns", action="store_true", help="also what does not differ")
    parser.add_argument("--limit", type=_at_least(1), metavar="N", help="the first N rows")
    parser.add_argument("--runs", action="store_true", help="a row for each run, with its folder")


def _corruption_error(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        action="append",
        metavar="BASELINE",
        help="whose errors are 100%%: KEY=VALUE of a configuration, a run's folder, or FILE.csv with columns "
        "corruption, severity (0: clean), error; default: none, and no mCE",
    )
    parser.add_argument("--per-corruption", action="store_true", help="also the error of each of the 15 corruptions")


def _plot(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(refuse=parser.error)
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help=_FOLDER)
    parser.add_argument("names", nargs="*", metavar="NAME", help="plots (--list) or further PATHs; default: all plots")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: PATH/plots")
    parser.add_argument(
        "--format",
        nargs="+",
        default=["png"],
        choices=("png", "svg", "pdf", "gif", "mp4"),
        metavar="FORMAT",
        help="png (the default), svg, pdf; gif, mp4 of what moves",
    )
    parser.add_argument("--list", action="store_true", help="name the plots, draw nothing; needs no PATH")


def _query(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help=_FOLDER)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SQL",
        help="further PATHs, and last the SQL in DuckDB's dialect, such as 'SELECT * FROM runs LIMIT 5'; equal names "
        "of columns are numbered",
    )
    parser.add_argument("--tables", action="store_true", help="tables, views, columns, units and definitions")
    parser.add_argument("--limit", type=_at_least(0), default=100, metavar="N", help="rows for the terminal; 0: all")


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number
