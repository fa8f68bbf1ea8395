"""The configuration's schema: types, ranges and choices, checked before anything runs.

The fixed part is a dataclass. The variants (dataset, model, regularizer, optimizer, corruption, probe, diagnostic,
tracker) have no schema of their own here: the annotations of the constructor that ``_target_`` names are the schema, so
that adding a variant edits no list. An error names the key, the value that was found and the values that are valid.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import inspect
import json
import math
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import pydantic
from annotated_types import Ge, MinLen

TRUSTED = ("frequency_reg", "torch.optim", "sweeps")
"""Packages whose classes a ``_target_`` may name; the user adds others with ``trusted_packages``."""

FOLDER_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}$"
DEVICE = r"^(auto|cpu|cuda(:\d+)?)$"
_PATTERNS = {
    FOLDER_NAME: "at most 100 letters, digits and ._+=- that begin with a letter or digit",
    DEVICE: "auto, cpu, cuda or cuda:NUMBER",
}

_SUPPLIED = {"model": {"image_shape", "num_classes", "mean", "std"}, "optimizer": {"params"}}
"""Constructor arguments that the runner supplies and a configuration must not set."""


class ConfigError(Exception):
    """The configuration is wrong. The message names the key, the value, and what is valid."""


@dataclass
class Runtime:
    """Where and how a run computes; only ``precision`` and ``deterministic`` belong to its identity."""

    device: Annotated[str, pydantic.Field(pattern=DEVICE)] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Ge(1)] | None = None
    deterministic: bool = True
    checkpoint_seconds: Annotated[float, Ge(0)] = 5
    progress: Literal["auto", "bar", "lines", "none"] = "auto"
    corruption_cache_gib: Annotated[float, Ge(0)] = 4


@dataclass
class Evaluation:
    """What is scored after training."""

    splits: list[Literal["test", "validation"]] = field(default_factory=lambda: ["test"])
    batch_size: Annotated[int, Ge(1)] = 500
    seed: Annotated[int, Ge(0)] = 0
    eight_bit: bool = False


@dataclass
class Config:
    """One run. Variants are mappings with ``_target_`` and the constructor's arguments."""

    dataset: dict[str, Any]
    model: dict[str, Any]
    regularizer: dict[str, Any]
    optimizer: dict[str, Any]
    corruption: dict[str, dict[str, Any]] = field(default_factory=dict)
    probe: dict[str, dict[str, Any]] = field(default_factory=dict)
    diagnostic: dict[str, dict[str, Any]] = field(default_factory=dict)
    tracker: dict[str, dict[str, Any]] = field(default_factory=dict)
    runtime: Runtime = field(default_factory=Runtime)
    evaluation: Evaluation = field(default_factory=Evaluation)
    seed: Annotated[int, Ge(0)] = 0
    epochs: Annotated[int, Ge(1)] = 15
    batch_size: Annotated[int, Ge(1)] = 128
    steps_per_epoch: Annotated[int, Ge(1)] | None = None
    schedule: Literal["cosine", "constant"] = "cosine"
    standardize_input: bool = True
    initial_weights: Annotated[str, MinLen(1)] | None = None
    name: Annotated[str, pydantic.Field(pattern=FOLDER_NAME)] = "runs"
    outputs: Annotated[str, MinLen(1)] = "outputs"
    trusted_packages: list[str] = field(default_factory=list)
    pruning: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain nested mapping of every key."""
        return asdict(self)


def validate(raw: Mapping[str, Any]) -> Config:
    """Check a composed configuration and return it typed (ints widened to floats where a float is meant).

    Raises:
        ConfigError: naming every wrong key at once.
    """
    values = {key: value for key, value in raw.items() if key != "study"}
    _refuse_numbers(values, "")
    config: Config = check_mapping(Config, values, "")
    if len(set(config.evaluation.splits)) < len(config.evaluation.splits):
        raise ConfigError(f"evaluation.splits={config.evaluation.splits}: each split once")
    trusted = (*TRUSTED, *config.trusted_packages)
    config.dataset = _check_variant(config.dataset, "dataset", trusted)
    config.model = _check_variant(config.model, "model", trusted)
    config.optimizer = _check_optimizer(config.optimizer, trusted)
    config.regularizer = _check_regularizer(config.regularizer, trusted)
    config.corruption = {k: _check_variant(v, f"corruption.{k}", trusted) for k, v in config.corruption.items()}
    config.probe = {k: _check_variant(v, f"probe.{k}", trusted) for k, v in config.probe.items()}
    config.diagnostic = {k: _check_variant(v, f"diagnostic.{k}", trusted) for k, v in config.diagnostic.items()}
    config.tracker = {k: _check_variant(v, f"tracker.{k}", trusted) for k, v in config.tracker.items()}
    if config.pruning is not None:
        config.pruning = _check_variant(config.pruning, "pruning", trusted)
    return config


def check_plugin(node: Mapping[str, Any], key: str) -> None:
    """Check the keys of a Hydra plugin of this project, a launcher or a sweeper, against its constructor.

    A class with a function ``check_keys(keys)`` checks them itself.

    Raises:
        ConfigError: naming the key, the value that was found and the values that are valid.
    """
    target = _trusted_class(node["_target_"], f"{key}._target_", ("hydra_plugins",))
    keys = _own_keys(node)
    if hasattr(target, "check_keys"):
        target.check_keys(keys)
    else:
        _check_variant({"_target_": node["_target_"], **keys}, key, ("hydra_plugins",))


def check_search(node: Mapping[str, Any], space: object, runs: Sequence[Config]) -> None:
    """Let the search's sweeper refuse a space that does not suit its keys, or objectives that ``runs`` do not record.

    Raises:
        ConfigError: naming the key.
    """
    _resolve(node["_target_"]).check_search(_own_keys(node), space, runs)


def check_recordable(node: Mapping[str, Any], recordable: object) -> None:
    """Let the search's sweeper refuse objectives that such a run has no value of.

    Raises:
        ConfigError: naming the key.
    """
    _resolve(node["_target_"]).check_recordable(_own_keys(node), recordable)


def _own_keys(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name not in ("_target_", "_recursive_", "_convert_")}


def instantiate(node: Mapping[str, Any], **supplied: Any) -> Any:
    """Build a variant that :func:`validate` has checked; ``supplied`` are the arguments that the data determines.

    Raises:
        ConfigError: the constructor refused a value.
    """
    target = node["_target_"]
    arguments = {key: value for key, value in node.items() if key != "_target_"}
    try:
        return _resolve(target)(**arguments, **supplied)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def regularizer_parts(node: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Split the flat regularizer group into one node with ``_target_`` for each regularizer chosen."""
    parts = {}
    for name, target in node["_target_"].items():
        own = _parameters(_resolve(target))
        parts[name] = {"_target_": target, **{key: node[key] for key in node if key in own}}
    return parts


def variant_name(node: Mapping[str, Any]) -> str:
    """Name of a variant: the file its class lives in (the house's rule), or the class's name for torch.optim."""
    module, _, attribute = str(node["_target_"]).rpartition(".")
    return module.rpartition(".")[2] if module.startswith("frequency_reg.") else attribute


def nearest(wrong: str, valid: Iterable[str]) -> str:
    """``; did you mean X?`` for the closest valid spelling, or nothing."""
    close = difflib.get_close_matches(wrong, list(valid), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


# --- checking --------------------------------------------------------------------------------------------------------


def _check_regularizer(node: Mapping[str, Any], trusted: tuple[str, ...]) -> dict[str, Any]:
    targets = node.get("_target_")
    if not isinstance(targets, Mapping) or not targets:
        raise ConfigError("regularizer._target_: expected a mapping from the regularizer's name to its class")
    if "none" in targets and len(targets) > 1:
        others = ",".join(sorted(set(targets) - {"none"}))
        raise ConfigError(f"regularizer=[none,{others}]: none cannot be combined; leave it out")
    valid: set[str] = set()
    for name, target in targets.items():
        own = set(_parameters(_trusted_class(target, f"regularizer._target_.{name}", trusted)))
        if own & valid:
            raise ConfigError(
                f"regularizer.{min(own & valid)}: two of the chosen regularizers have this key; rename one"
            )
        valid |= own
    _refuse_unknown(set(node) - {"_target_"}, valid, "regularizer")
    checked: dict[str, Any] = {"_target_": dict(targets)}
    for part in regularizer_parts(node).values():
        checked.update({k: v for k, v in _check_variant(part, "regularizer", trusted).items() if k != "_target_"})
    return checked


def _check_optimizer(node: Mapping[str, Any], trusted: tuple[str, ...]) -> dict[str, Any]:
    if "weight_decay" in node:
        raise ConfigError(
            "optimizer.weight_decay: weight decay has one home, the regularizer; "
            "use regularizer=weight_decay regularizer.weight_decay=STRENGTH"
        )
    checked = _check_variant(node, "optimizer", trusted)
    torch = importlib.import_module("torch")
    try:
        instantiate(checked, params=[torch.nn.Parameter(torch.zeros(1))])
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"optimizer ({checked['_target_']}): {error}") from error
    return checked


def _check_variant(node: Mapping[str, Any], key: str, trusted: tuple[str, ...]) -> dict[str, Any]:
    """Check a node's arguments against the annotations of its constructor and fill in missing defaults.

    The runs of a sweep have most nodes in common; each is checked once.
    """
    return copy.deepcopy(_check_variant_text(json.dumps(node), key, trusted))


@lru_cache(maxsize=4096)
def _check_variant_text(text: str, key: str, trusted: tuple[str, ...]) -> dict[str, Any]:
    node = json.loads(text)
    if not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key}._target_: expected the dotted path of a class, found {node.get('_target_')!r}")
    target = _trusted_class(node["_target_"], f"{key}._target_", trusted)
    parameters = {n: p for n, p in _parameters(target).items() if n not in _SUPPLIED.get(key, set())}
    arguments = {name: value for name, value in node.items() if name != "_target_"}
    _refuse_unknown(set(arguments), set(parameters), key)
    listed = {n: p for n, p in parameters.items() if n in arguments or p[1] is ...}
    return {"_target_": node["_target_"], **_strictly(target.__name__, listed, arguments, key)}


def check_mapping(schema: type[Any], values: Mapping[str, Any], key: str) -> Any:
    """Check a mapping against a dataclass, field by field, nested dataclasses too, and build it.

    Args:
        key: where the mapping stands in the configuration; empty for the whole.

    Raises:
        ConfigError: naming every wrong key.
    """
    hints = typing.get_type_hints(schema, include_extras=True)
    nested = {name for name, hint in hints.items() if is_dataclass(hint)}
    _refuse_unknown(set(values), set(hints), key)
    plain = {name: (hints[name], ...) for name in values if name not in nested}
    required = {f.name for f in fields(schema) if f.default is MISSING and f.default_factory is MISSING}
    plain.update({name: (hints[name], ...) for name in required})
    checked = _strictly(schema.__name__, plain, {n: v for n, v in values.items() if n not in nested}, key)
    for name in nested & set(values):
        checked[name] = check_mapping(hints[name], values[name] or {}, _join(key, name))
    return schema(**checked)


def _strictly(title: str, schema: dict[str, Any], values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Validate without silent conversions (text to number, true to 1, 3.0 to 3); only int widens to float."""
    model = _model(title, _Schema(schema))
    # YAML has no tuples: where one is meant, a list is one.
    given = {
        k: tuple(v) if isinstance(v, list) and k in schema and _is_tuple(schema[k][0]) else v for k, v in values.items()
    }
    try:
        checked = model.model_validate(given)
    except pydantic.ValidationError as error:
        raise ConfigError(_explain(error, key, given)) from error
    return {name: getattr(checked, name) for name in schema}


def _refuse_numbers(value: Any, key: str) -> None:
    """Refuse what no record could hold: whole numbers beyond 64 bits, NaN and infinities."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            _refuse_numbers(part, _join(key, str(name)))
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_numbers(part, key)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{key}={value}: expected a whole number of at most 64 bits, such as {2**63 - 1}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{key}={value}: expected a finite number")


class _Schema(dict[str, Any]):
    """Annotations and defaults by name, hashable by their text: two fields that read alike are checked alike."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)


@lru_cache(maxsize=256)
def _model(title: str, schema: _Schema) -> type[pydantic.BaseModel]:
    settings = pydantic.ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)
    return pydantic.create_model(title, __config__=settings, **schema)


def _is_tuple(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple or any(map(_is_tuple, typing.get_args(hint)))


def _explain(error: pydantic.ValidationError, key: str, given: Mapping[str, Any]) -> str:
    lines = []
    found = error.errors()
    # "an instance of Tensor" is no way to mend a number that YAML holds, where a number is asked for as well.
    for problem in [each for each in found if each["type"] != "is_instance_of"] or found:
        missing = problem["type"] == "missing"
        where = ".".join([key, *(map(str, problem["loc"]) if missing else _place(problem["loc"], given))]).strip(".")
        if missing:
            lines.append(f"{where}: this key is missing")
        elif problem["type"] == "string_pattern_mismatch":
            lines.append(f"{where}={problem['input']!s}: expected {_PATTERNS[problem['ctx']['pattern']]}")
        else:
            lines.append(f"{where}={problem['input']!s}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
    return "\n".join(dict.fromkeys(lines))


def _place(loc: Sequence[str | int], given: Any) -> Iterator[str]:
    """The parts of pydantic's ``loc`` that lead into what was given; its words for parts of a union do not."""
    for part in loc:
        inside = isinstance(given, Mapping) if isinstance(part, str) else isinstance(given, list | tuple)
        if not inside or (isinstance(part, str) and part not in given):
            return
        given = given[part]
        yield str(part)


def _refuse_unknown(found: set[str], valid: set[str], key: str) -> None:
    for name in sorted(found - valid):
        listed = ", ".join(sorted(valid)) or "none"
        where = f" of {key}" if key else ""
        raise ConfigError(f"{_join(key, name)}: unknown key; the keys{where} are {listed}{nearest(name, valid)}")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


# --- targets ---------------------------------------------------------------------------------------------------------


def _trusted_class(target: Any, key: str, trusted: tuple[str, ...]) -> Any:
    if not isinstance(target, str) or not any(target.startswith(package + ".") for package in trusted):
        raise ConfigError(
            f"{key}={target}: only classes of {', '.join(trusted)} may be named; add a package of yours with "
            "trusted_packages=[PACKAGE] if you trust its code"
        )
    try:
        resolved = _resolve(target)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}={target}: no such class ({error})") from error
    if not inspect.isclass(resolved) or not any(resolved.__module__.startswith(package) for package in trusted):
        raise ConfigError(f"{key}={target}: expected a class defined in {', '.join(trusted)}")
    return resolved


def _resolve(target: str) -> Any:
    module, _, attribute = target.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _parameters(target: Any) -> dict[str, tuple[Any, Any]]:
    """Annotation and default (``...`` if none) of every constructor parameter that a configuration can set."""
    if "__init__" not in vars(target) and target.__init__ is object.__init__:
        return {}
    hints = typing.get_type_hints(target.__init__, include_extras=True)
    signature = inspect.signature(target)
    return {
        name: (hints.get(name, Any), ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in signature.parameters.items()
    }
