"""The commands that give a claim's numbers, as they are typed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.claims.claim import Setting, choices_of, runs_of
from analysis.configuration import PREFIX, REGULARIZER, strengths
from analysis.formatting import is_missing, printable, value_text
from analysis.load import Records


@dataclass(frozen=True)
class Given:
    """What the page was asked for: folders and conditions, as they were typed."""

    paths: Sequence[Path]
    where: Sequence[str] = ()


def compare_commands(records: Records, setting: Setting, metrics: Sequence[str], given: Given) -> Iterator[str]:
    """``python -m analysis compare ...``, one for each baseline of the claim in a setting."""
    for baseline in dict.fromkeys(pair.baseline for pair in setting.pairs):
        labels = [pair.treated for pair in setting.pairs if pair.baseline == baseline]
        rows = [choices_of(records, label) for label in [*labels, baseline]]
        conditions = [*_regularizers(rows), *_context(records, setting.context, labels[0]), *given.where]
        own = _chosen(rows[-1])
        words = ["python", "-m", "analysis", "compare", *map(shown, holding(records, [*labels, baseline], given.paths))]
        words += [word for text in conditions for word in ("--where", text)]
        words += [word for key, value in own.items() for word in ("--baseline", f"{key}={value}")]
        yield _line([*words, "--metrics", *metrics])


def query_commands(records: Records, setting: Setting, sql: str, given: Given) -> Iterator[str]:
    """``python -m analysis query FOLDER "SQL"`` for every folder that holds a compared configuration."""
    labels = [label for pair in setting.pairs for label in (pair.treated, pair.baseline) if label]
    for path in holding(records, labels, given.paths):
        yield query_command(Given([path], given.where), sql, "--limit", "0")


def query_command(given: Given, sql: str, *options: str) -> str:
    """``python -m analysis query FOLDER ... "SQL" --where KEY=VALUE ...``."""
    return _line(["python", "-m", "analysis", "query", *map(shown, given.paths), sql, *_where(given), *options])


def holding(records: Records, labels: Sequence[str], paths: Sequence[Path]) -> list[Path]:
    """The folders with complete runs of some configurations; all of them where that cannot be seen."""
    names = runs_of(records, labels)["run_name"]
    found = [path for path in paths if any(path.name == name or (path / name).is_dir() for name in names)]
    unseen = any(not any(path.name == name or (path / name).is_dir() for path in paths) for name in names)
    return list(paths) if unseen or not found else found


def claims_command(given: Given) -> str:
    """The command that makes the page."""
    return _line(["python", "-m", "analysis", "claims", *map(shown, given.paths), *_where(given), "-o", "FINDINGS.md"])


def _where(given: Given) -> list[str]:
    return [word for text in given.where for word in ("--where", text)]


def shown(path: Path) -> str:
    """A path as it may stand on a page that travels: an absolute one by its last name."""
    return path.name if path.is_absolute() else path.as_posix()


def _line(words: Sequence[str]) -> str:
    return " ".join(_quoted(printable(word)) for word in words)


def _quoted(word: str) -> str:
    """A word of a shell; double quotes where they keep SQL readable."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def _chosen(row: Mapping[str, object]) -> dict[str, str]:
    """A configuration's regularizer and the strengths of its parts, by key, as they are typed."""
    found = {PREFIX + "regularizer": value_text(row[REGULARIZER])}
    for part, strength in strengths(row).items():
        found[f"{REGULARIZER}.{part}"] = value_text(strength)
    return {key.removeprefix(PREFIX): value for key, value in found.items()}


def _regularizers(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Conditions that only these configurations fulfil, of those that agree in all else."""
    chosen = [_chosen(row) for row in rows]
    for key in dict.fromkeys(key for found in chosen for key in found):
        values = dict.fromkeys(found.get(key, "null") for found in chosen)
        yield f"{key}={','.join(values)}"


def _context(records: Records, context: str, label: str) -> Iterator[str]:
    """Conditions that tell a context from the others: one key if one suffices, or else every key that differs."""
    configurations = records.configurations
    keys = [c for c in configurations.differing if c != REGULARIZER and not c.startswith(REGULARIZER + ".")]
    texts = configurations.choices[keys].map(lambda value: "null" if is_missing(value) else value_text(value))
    table = configurations.table
    rest = texts.loc[table.loc[table["context"] != context, "configuration"]]
    if rest.empty:
        return
    own = {key: str(texts.loc[label, key]) for key in keys}
    single = next((key for key in keys if not (rest[key] == own[key]).any()), None)
    for key in [single] if single else keys:
        yield f"{key.removeprefix(PREFIX)}={own[key]}"
