"""Samplers and pruners of Optuna, built from the mapping with ``_target_`` that names them."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from frequency_reg.config import ConfigError, nearest

OPTUNA = ("optuna",)
"""Packages whose classes a ``_target_`` here may name; the user adds others with ``trusted_packages``."""


def build(
    node: Mapping[str, Any], base: type[Any], key: str, *, seed: int | None = None, trusted: Sequence[str] = OPTUNA
) -> Any:
    """The object that ``node`` names, the objects that its arguments name included.

    Args:
        node: ``_target_`` (dotted path of a class) and the constructor's arguments.
        base: what the object must be.
        key: of the configuration, for messages.
        seed: given to every constructor here that takes a ``seed`` and is given none.
        trusted: packages that a ``_target_`` may name.

    Raises:
        ConfigError: the class is unknown or not trusted, or its constructor refuses the arguments.
    """
    built = _build(node, key, seed, tuple(trusted))
    if not isinstance(built, base):
        raise ConfigError(
            f"{key}._target_={node['_target_']}: expected a subclass of {base.__module__}.{base.__name__}"
        )
    return built


def takes_seed(node: Mapping[str, Any]) -> bool:
    """Whether the class of ``node``, or one that its arguments name, has a ``seed``."""
    parameters = inspect.signature(_resolve(node["_target_"])).parameters
    return "seed" in parameters or any(takes_seed(v) for v in node.values() if _is_part(v))


def _build(node: Mapping[str, Any], key: str, seed: int | None, trusted: tuple[str, ...]) -> Any:
    target = _trusted(node, key, trusted)
    arguments = {
        name: _build(value, f"{key}.{name}", seed, trusted) if _is_part(value) else value
        for name, value in node.items()
        if name != "_target_"
    }
    valid = list(inspect.signature(target).parameters)
    for name in arguments:
        if name not in valid:
            raise ConfigError(
                f"{key}.{name}: unknown key; the keys of {target.__name__} are {', '.join(valid)}{nearest(name, valid)}"
            )
    if "seed" in valid and arguments.get("seed") is None and seed is not None:
        arguments["seed"] = seed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a sampler is experimental is Optuna's word to its own users
            return target(**arguments)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"{key} ({node['_target_']}): {str(error).splitlines()[0]}") from error


def _trusted(node: Mapping[str, Any], key: str, trusted: tuple[str, ...]) -> type[Any]:
    target = node.get("_target_")
    if not isinstance(target, str) or target.partition(".")[0] not in trusted:
        raise ConfigError(
            f"{key}._target_={target}: only classes of {', '.join(trusted)} may be named; add a package of yours with "
            "trusted_packages=[PACKAGE] if you trust its code"
        )
    try:
        resolved = _resolve(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{key}._target_={target}: no such class ({error})") from error
    if not inspect.isclass(resolved):
        raise ConfigError(f"{key}._target_={target}: expected a class")
    return resolved


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and "_target_" in value


def _resolve(target: str) -> Any:
    module, _, attribute = target.rpartition(".")
    return getattr(importlib.import_module(module), attribute)
