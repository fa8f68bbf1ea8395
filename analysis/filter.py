"""Conditions on what was run, such as ``regularizer=none`` or ``optimizer.lr<=0.1``, and the runs that fulfil them."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.configuration import PREFIX
from analysis.formatting import MISSING, is_missing, value_text
from analysis.load import AnalysisError, Records

FACTS = ("status", "run_name", "run_id")
"""Columns of a run beside its configuration that a condition may ask for."""

_ORDERED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NULL = ("null", MISSING, "")


@dataclass(frozen=True)
class Condition:
    """``KEY=VALUE``: a key of the configuration (or of :data:`FACTS`), an operator, and the value as it was typed."""

    key: str
    operator: str
    value: str

    @property
    def text(self) -> str:
        """The condition as it is typed."""
        return f"{self.key}{self.operator}{self.value}"

    def holds(self, value: object) -> bool:
        """Whether a run's value fulfils it.

        ``=`` and ``!=`` take a list (``0,1,2``: any of them); numbers are compared as numbers; ``null`` is the missing
        value. An order (``<``, ``<=``, ``>``, ``>=``) never holds for a missing value, ``!=`` does.
        """
        if self.operator in _ORDERED:
            number = _number(value)
            return number is not None and _ORDERED[self.operator](number, float(self.value))
        wanted = {self.value, *self.value.split(",")}
        return any(same(value, text) for text in wanted) == (self.operator == "=")


def parsed(text: str, option: str = "--where") -> Condition:
    """The condition that ``text`` says.

    Raises:
        AnalysisError: it has no operator or no key, or an order is asked for something that is not a number.
    """
    found = re.fullmatch(r"\s*([^<>=!]+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", text, re.DOTALL)
    if found is None:
        raise AnalysisError(
            f"{option} '{value_text(text)}': expected KEY=VALUE, such as regularizer=none "
            "(also != < <= > >=, and lists: seed=0,1)."
        )
    key, sign, value = found.groups()
    if sign in _ORDERED and _number(value) is None:
        raise AnalysisError(f"{option} '{value_text(text)}': {sign} needs a number, not '{value_text(value)}'.")
    return Condition(key.removeprefix(PREFIX), "=" if sign == "==" else sign, value)


def filtered(records: Records, conditions: Sequence[str]) -> Records:
    """The runs that fulfil every condition; configurations are named anew, by what differs among these runs.

    Raises:
        AnalysisError: a condition cannot be read, a key is unknown (the nearest are named), or no run is left (the
            values that exist are named).
    """
    if not conditions:
        return records
    run = records["run"]
    kept = pd.Series(True, run.index)
    for condition in map(parsed, conditions):
        column = run[column_of(run, condition.key, "--where")].astype(object)
        fits = column.map(condition.holds).astype(bool)
        if not fits.any():
            raise AnalysisError(f"no run has {value_text(condition.text)}. Values here: {values_text(column)}.")
        kept &= fits
    if not kept.any():
        raise AnalysisError(f"no run fulfils all of {' and '.join(map(value_text, conditions))}. Leave one out.")
    return records.chosen(kept.tolist(), conditions)


def column_of(run: pd.DataFrame, key: str, option: str) -> str:
    """The column of the ``run`` table that a key of the configuration means.

    Raises:
        AnalysisError: there is none; the message names the nearest keys.
    """
    if key in FACTS:
        return key
    if PREFIX + key in run:
        return PREFIX + key
    keys = [*FACTS, *(str(c).removeprefix(PREFIX) for c in run.columns if str(c).startswith(PREFIX))]
    ends = [k for k in keys if k.rpartition(".")[2] == key]
    near = list(dict.fromkeys([*ends, *difflib.get_close_matches(key, keys, 3, 0.5)]))[:3]
    hint = f" Did you mean {' or '.join(map(value_text, near))}?" if near else ""
    raise AnalysisError(
        f"{option}: unknown key '{value_text(key)}'.{hint} Keys are those of the configuration, such as regularizer, "
        "optimizer.lr, seed; and status, run_name, run_id."
    )


def values_text(column: pd.Series, most: int = 12) -> str:
    """The distinct values of a column, in order of appearance, as text."""
    texts = list(dict.fromkeys(value_text(value) for value in column))
    more = f", … ({len(texts)} values)" if len(texts) > most else ""
    return ", ".join("null" if text == MISSING else text for text in texts[:most]) + more


def same(value: object, wanted: str) -> bool:
    """Whether a recorded value is what was typed: 1e-3 is 0.001, True is true, ``null`` is a missing value."""
    if is_missing(value):
        return wanted.lower() in _NULL
    if isinstance(value, bool):
        return wanted.lower() == value_text(value)
    numbers = _number(value), _number(wanted)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return wanted in (value_text(value), str(value))


def _number(value: object) -> float | None:
    if is_missing(value) or isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
