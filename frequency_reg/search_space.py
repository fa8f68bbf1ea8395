"""What a search may vary, read from the same override syntax as a sweep's, without the library that searches.

=============================================  =====================================================================
``KEY=a,b,c`` or ``KEY=choice(a,b,c)``         categorical; of a group (``regularizer=none,[dropout,weight_decay]``) too
``KEY=interval(1e-5,1e-1)``                    float, both ends included
``KEY=int(interval(1,8))``                     int
``KEY=range(a,b,step)``                        int, or float if one of them is; ``b`` left out, as in every Hydra range
``KEY=tag(log,interval(1e-5,1e-1))``           float or int on a logarithmic scale
=============================================  =====================================================================

A swept key that only some of the chosen group options have (``regularizer.dropout`` beside
``regularizer=none,dropout``) is conditional: it is asked for where it exists. A key that no combination of choices has
is an error. Beside ``cli`` and ``compose`` this is the only module that knows Hydra: the syntax is Hydra's, and so is
its parser.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, FloatRange, Glob, IntervalSweep, Override, RangeSweep

from frequency_reg.config import ConfigError, nearest

Value = float | int | str
"""Of a parameter; that of a categorical one is its text, as it stands behind ``=``."""

KeysOf = Callable[[tuple[str, ...]], Collection[str]]
"""Every dotted key of the configuration that overrides compose to, those with keys below them included."""


@dataclass(frozen=True)
class Parameter:
    """One key that the search varies.

    Attributes:
        key: as given, with a leading ``+`` or ``++`` if the key is to be added.
        kind: ``float``, ``int`` or ``categorical``.
        low, high: smallest and largest value, both included; None if categorical.
        step: distance of neighbouring values; None is continuous (float) or 1 (int).
        log: the scale is logarithmic.
        choices: texts to choose from, if categorical.
        group: the choices are options of a configuration group.
    """

    key: str
    kind: Literal["float", "int", "categorical"]
    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    log: bool = False
    choices: tuple[str, ...] = ()
    group: bool = False

    @property
    def name(self) -> str:
        """The key without a leading ``+``."""
        return self.key.lstrip("+")

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that stand for all: every choice, or the smallest and the largest."""
        if self.kind == "categorical":
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return (self.low,) if self.low == self.high else (self.low, self.high)

    def override(self, value: Value) -> str:
        """``KEY=VALUE``; a float is written so that it is read back exactly, and as a grid would write it."""
        if isinstance(value, float) and self.step is not None:
            low, step = Decimal(str(self.low)), Decimal(str(self.step))
            value = float(low + round((Decimal(value) - low) / step) * step)
        return f"{self.key}={value if isinstance(value, str) else repr(value)}"


class SearchSpace:
    """Fixed overrides, and parameters whose being asked for depends on the choices of group options.

    Args:
        fixed: overrides that every run has.
        parameters: what varies, in the order given.
        keys_of: called once for each combination of group options.

    Raises:
        ConfigError: nothing varies, or no combination of the choices has a parameter's key.
    """

    def __init__(self, fixed: Sequence[str], parameters: Sequence[Parameter], keys_of: KeysOf) -> None:
        if not parameters:
            raise ConfigError(
                "nothing to search: give a key several values, such as 'optimizer.lr=tag(log,interval(1e-3,1))'"
            )
        self.fixed = tuple(fixed)
        self.groups = tuple(p for p in parameters if p.group)
        self.values = tuple(p for p in parameters if not p.group)
        self._keys_of = keys_of
        self._keys: dict[tuple[str, ...], Collection[str]] = {}
        self._require_known_keys()

    @property
    def varied(self) -> tuple[str, ...]:
        """Keys that the search varies: those of groups first, as they are asked for first."""
        return tuple(p.name for p in (*self.groups, *self.values))

    def active(self, chosen: Mapping[str, Value]) -> tuple[Parameter, ...]:
        """The parameters, groups left out, that exist where ``chosen`` are the groups' options, by name."""
        keys = self._known(tuple(p.override(chosen[p.name]) for p in self.groups))
        return tuple(p for p in self.values if p.key.startswith("+") or p.name in keys)

    def overrides(self, values: Mapping[str, Value]) -> list[str]:
        """The fixed overrides and those for ``values``, parameters' values by name."""
        return [*self.fixed, *(p.override(values[p.name]) for p in (*self.groups, *self.values) if p.name in values)]

    def representatives(self) -> list[list[str]]:
        """Overrides of few runs that stand for all of them, to be composed and checked ahead.

        Every combination of group options occurs, with every parameter at its low end. One at a time, each parameter
        takes each of its ends; once for each choice of the group that its key lies in, for no other choice changes what
        the key may be.
        """
        found: list[list[str]] = []
        checked: set[tuple[str, Value, Value | None]] = set()
        for chosen in self._combinations():
            active = self.active(chosen)
            base = {**chosen, **{p.name: p.ends[0] for p in active}}
            found.append(self.overrides(base))
            for parameter in active:
                owner = chosen.get(parameter.name.partition(".")[0])
                for value in parameter.ends[1:]:
                    if (parameter.name, value, owner) not in checked:
                        checked.add((parameter.name, value, owner))
                        found.append(self.overrides({**base, parameter.name: value}))
        return found

    def _combinations(self) -> Iterator[dict[str, Value]]:
        for options in itertools.product(*(p.choices for p in self.groups)):
            yield dict(zip((p.name for p in self.groups), options, strict=True))

    def _known(self, choices: tuple[str, ...]) -> Collection[str]:
        if choices not in self._keys:
            self._keys[choices] = self._keys_of((*self.fixed, *choices))
        return self._keys[choices]

    def _require_known_keys(self) -> None:
        active = {p.name for chosen in self._combinations() for p in self.active(chosen)}
        known: set[str] = set().union(*self._keys.values())
        for name in (p.name for p in self.values if p.name not in active):
            parent, _, leaf = name.rpartition(".")
            siblings = {key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == parent} - {"_target_"}
            where = f" of {parent}" if parent else ""
            listed = ", ".join(sorted(siblings)) or "none"
            raise ConfigError(f"{name}: unknown key; the keys{where} are {listed}{nearest(leaf, siblings)}")


def search_space(
    overrides: Sequence[str], params: Mapping[str, Any], *, groups: Collection[str], keys_of: KeysOf
) -> SearchSpace:
    """What a command and ``hydra.sweeper.params`` let a search vary.

    Args:
        overrides: of the command line; they win over ``params``.
        params: overrides by key.
        groups: names of the configuration groups.
        keys_of: see :data:`KeysOf`.

    Raises:
        ConfigError: an empty, reversed or shuffled range, an unknown tag, or a key that does not exist.
        hydra.errors.OverrideParseException: what is no override at all.
    """
    texts = [f"{key}={'null' if value is None else value}" for key, value in params.items()]
    parsed = OverridesParser.create().parse_overrides([*texts, *overrides])
    last = {o.get_key_element().lstrip("+"): o for o in parsed}
    fixed = [str(o.input_line) for o in last.values() if not o.is_sweep_override()]
    swept = [_parameter(o, groups) for o in last.values() if o.is_sweep_override()]
    return SearchSpace(fixed, swept, keys_of)


def dotted_keys(nested: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Every key of nested mappings as a dotted path, those with keys below them included."""
    for key, value in nested.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from dotted_keys(value, f"{prefix}{key}.")


# --- Hydra's sweeps as parameters ------------------------------------------------------------------------------------


def _parameter(override: Override, groups: Collection[str]) -> Parameter:
    if override.is_hydra_override():
        raise ConfigError(f"{override.input_line}: Hydra's own keys cannot be searched; give one value")
    value = override.value()
    tags = set(getattr(value, "tags", ()))
    if getattr(value, "shuffle", False):
        raise ConfigError(f"{override.input_line}: the sampler decides the order; leave shuffle out")
    if tags - {"log"} or (tags and not isinstance(value, IntervalSweep)):
        raise ConfigError(f"{override.input_line}: the only tag is log, of an interval: tag(log,interval(A,B))")
    if isinstance(value, IntervalSweep):
        return _interval(override, value, log="log" in tags)
    if isinstance(value, RangeSweep):
        return _range(override, value)
    if isinstance(value, Glob):
        raise ConfigError(f"{override.input_line}: name the options to choose from, separated by commas")
    choices = tuple(dict.fromkeys(override.sweep_string_iterator()))
    if not choices:
        raise ConfigError(f"{override.input_line}: no value to choose from")
    group = override.key_or_group in groups and not any(isinstance(v, dict) for v in _listed(value))
    return Parameter(override.get_key_element(), "categorical", choices=choices, group=group)


def _listed(value: Any) -> list[Any]:
    return value.list if isinstance(value, ChoiceSweep) else []


def _interval(override: Override, interval: IntervalSweep, *, log: bool) -> Parameter:
    low, high = interval.start, interval.end
    assert low is not None
    assert high is not None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(f"{override.input_line}: expected interval(LOW,HIGH) with LOW <= HIGH, both finite")
    if log and low <= 0:
        raise ConfigError(f"{override.input_line}: a logarithmic scale has no {low:g}; begin above 0")
    kind: Literal["float", "int"] = "int" if isinstance(low, int) and isinstance(high, int) else "float"
    return Parameter(override.get_key_element(), kind, low, high, log=log)


def _range(override: Override, spread: RangeSweep) -> Parameter:
    if not spread.step:
        raise ConfigError(f"{override.input_line}: a step of 0 leads nowhere")
    values = list(spread.range())
    if not values:
        raise ConfigError(f"{override.input_line}: an empty range; the stop is left out, as in every Hydra range")
    kind: Literal["float", "int"] = "float" if isinstance(spread.range(), FloatRange) else "int"
    return Parameter(override.get_key_element(), kind, min(values), max(values), abs(spread.step))
