"""Whether a Parquet file holds what its table should, and the casts that lose nothing.

A record may come from another program or another version: its types may be narrower or wider (``int32`` for ``int64``,
``large_string`` for ``string``), which is mended, or its content may be something else, which is refused, so that no
query meets text where a number belongs. Each file is checked once, when it is read from its run's folder.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

_STAMP = b"frequency_reg.schema_version"


class UnfitError(Exception):
    """The file is readable, but it is not the table that its name says. The message says what is wrong."""


def version_of(table: pa.Table, known: int) -> int:
    """The schema version that a file is stamped with; 0 without a stamp.

    Raises:
        UnfitError: it is none, or a later one than ``known``.
    """
    text = (table.schema.metadata or {}).get(_STAMP, b"0")
    if not re.fullmatch(rb"[0-9]{1,9}", text):
        raise UnfitError(f"its schema version is no number ({text.decode(errors='replace')[:20]})")
    if int(text) > known:
        raise UnfitError(f"made by a newer version ({int(text)}) than this one reads ({known})")
    return int(text)


def fitted(table: pa.Table, schema: pa.Schema, required: Collection[str]) -> pa.Table:
    """``table`` with the types of ``schema``; columns that ``schema`` does not name stay as they are.

    Fractions named ``*accuracy`` must lie in [0, 1]; any other value that is not finite becomes NULL, as in writing.

    Args:
        required: columns that must be there.

    Raises:
        UnfitError: a column is missing, stands there twice, is of a type that no safe cast leads from, or holds an
            impossible accuracy.
    """
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnfitError(f"column {twice} stands there twice")
    for name in required:
        if name not in names:
            raise UnfitError(f"column {name} is missing, expected {_expected(schema, name)}; found {', '.join(names)}")
    for place, name in enumerate(names):
        index = schema.get_field_index(name)
        if index < 0:
            continue
        entry, column = schema.field(index), table.column(place)
        if column.type != entry.type:
            column = _cast(name, column, entry.type)
        if name.endswith("accuracy"):
            _check_fractions(name, column)
        elif pa.types.is_floating(entry.type):
            column = finite(column)
        if column is not table.column(place):
            table = table.set_column(place, entry, column)
    return table


def of_one_run(table: pa.Table, run_id: str) -> None:
    """Raise :class:`UnfitError` unless every row of ``table`` is of the run ``run_id``."""
    found = pc.unique(table["run_id"].cast(pa.string())).to_pylist()
    strange = [value for value in found if value != run_id]
    if strange:
        raise UnfitError(f"rows of another run (run_id {strange[0] or 'NULL'}, expected {run_id})")


def one_run(run: pa.Table) -> str:
    """The identity of the run that a ``run`` table describes.

    Raises:
        UnfitError: it has not one row, or its ``run_id`` or ``status`` is NULL.
    """
    if len(run) != 1:
        raise UnfitError(f"{len(run)} rows, expected one")
    for name in ("run_id", "status"):
        if not run[name][0].as_py():
            raise UnfitError(f"column {name} is empty, expected text")
    return str(run["run_id"][0].as_py())


def plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """``table`` with every column that ``schema`` does not name as bool, int64, float64 or text (lists too)."""
    for place, entry in enumerate(table.schema):
        if schema.get_field_index(entry.name) < 0:
            column = _plain(table.column(place))
            if column is not table.column(place):
                table = table.set_column(place, pa.field(entry.name, column.type, metadata=entry.metadata), column)
    return table


def finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with NULL for every value that is not finite; itself where all are."""
    if not pa.types.is_floating(column.type) or pc.all(pc.is_finite(column)).as_py() in (True, None):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as text: numbers as Python writes them, true and false, lists and records in brackets."""
    words = {True: "true", False: "false"}
    boolean = pa.types.is_boolean(column.type)
    texts = [None if v is None else words[v] if boolean else str(v) for v in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _expected(schema: pa.Schema, name: str) -> str:
    index = schema.get_field_index(name)
    return str(schema.field(index).type) if index >= 0 else "string"


def _cast(name: str, column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    found = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    numbers = _is_number(found) and _is_number(wanted)
    if not (numbers or (_is_text(found) and _is_text(wanted)) or pa.types.is_null(found)):
        raise UnfitError(f"column {name}: found {str(column.type)[:60]}, expected {wanted}")
    try:
        return column.cast(found).cast(wanted)
    except pa.ArrowException as error:
        reason = str(error).partition("\n")[0]
        raise UnfitError(f"column {name}: found {str(column.type)[:60]}, expected {wanted} ({reason[:80]})") from error


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _check_fractions(name: str, column: pa.ChunkedArray) -> None:
    inside = pc.and_(pc.greater_equal(column, 0.0), pc.less_equal(column, 1.0))
    if pc.all(inside).as_py() is False:
        wrong = column.filter(pc.invert(inside))[0].as_py()
        raise UnfitError(f"{name} {wrong:g} outside [0, 1]")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    wanted = pa.float64() if _is_number(kind) else pa.string()
    wanted = pa.int64() if pa.types.is_integer(kind) else wanted
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        wanted = kind
    if kind == wanted:
        return finite(column)
    if _is_number(kind) or _is_text(kind):
        try:
            return finite(column.cast(wanted))
        except pa.ArrowException:
            return as_text(column)
    return as_text(column)
