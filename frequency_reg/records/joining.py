"""Tables of several runs stacked into one, though their configurations have other columns or types."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import pyarrow as pa

from frequency_reg.records.validity import as_text


def concatenate(chunks: Iterable[pa.Table]) -> pa.Table:
    """Stack tables whose ``config.*`` columns may differ: absent is NULL, int widens to float, otherwise text.

    A text column without a value is how a null of any type is recorded: it takes the type that the others have.
    """
    chunks = list(chunks)
    with contextlib.suppress(pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.concat_tables(chunks, promote_options="permissive")
    chunks = [_untyped(table, set(_several(chunks))) for table in chunks]
    several = _several(chunks)
    mixed = {name for name, kinds in several.items() if not _promotable(name, kinds)}
    with contextlib.suppress(pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.concat_tables([_as_text(table, mixed) for table in chunks], promote_options="permissive")
    # Types that widen in principle, with a value that does not (2**53 + 1 is no float).
    return pa.concat_tables([_as_text(table, set(several)) for table in chunks], promote_options="permissive")


def _several(chunks: Iterable[pa.Table]) -> dict[str, set[pa.DataType]]:
    """Types of the columns that have more than one."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in chunks:
        for entry in table.schema:
            kinds.setdefault(entry.name, set()).add(entry.type)
    return {name: types for name, types in kinds.items() if len(types - {pa.null()}) > 1}


def _promotable(name: str, kinds: Iterable[pa.DataType]) -> bool:
    try:
        pa.unify_schemas([pa.schema([(name, kind)]) for kind in kinds], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return False
    return True


def _untyped(table: pa.Table, names: set[str]) -> pa.Table:
    """``table`` with those of some columns that are text, and nothing but NULL, as columns without a type."""
    for place, entry in enumerate(table.schema):
        if entry.name in names and pa.types.is_string(entry.type) and table[place].null_count == len(table):
            table = table.set_column(place, entry.name, pa.nulls(len(table)))
    return table


def _as_text(table: pa.Table, names: set[str]) -> pa.Table:
    for name in names & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, as_text(table[name]))
    return table
