"""What a search makes large or small: a number that a finished run's records hold, of validation data only.

===============================================  ====================================================================
``validation_accuracy``, ``validation_loss``     after the last epoch
``robustness/CORRUPTION/SEVERITY``               accuracy on the validation split, corrupted at that severity
``robustness/CORRUPTION``                        mean of these over all severities >= 1
``robustness``                                   mean of these means over all corruptions
``ssr/LAYER/NORMALIZATION/REFERENCE``            Spectral Suppression Ratio after the last epoch; LAYER is ``first``,
                                                 ``last`` or a module path
===============================================  ====================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, get_args

from frequency_reg.config import Config, ConfigError, nearest, variant_name
from frequency_reg.recordable import Recordable
from frequency_reg.records import Tables, read

Direction = Literal["maximize", "minimize"]
VALIDATION = ("validation_accuracy", "validation_loss")
NORMALIZATIONS = ("dc", "total", "energy", "absolute", "absolute_folded")
REFERENCES = ("init", "epoch_1")
_KEY = "hydra.sweeper.objectives"
_SELECTS = ("clean", "test", "corrupted", "train")


@dataclass(frozen=True)
class Objective:
    """A number of a run and whether it is to be large or small."""

    name: str
    direction: Direction


def objectives_of(named: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Objectives from ``{NAME: maximize or minimize}``.

    Raises:
        ConfigError: there is none, or a direction is neither word.
    """
    if not named:
        raise ConfigError(f"{_KEY}: expected at least one, such as {{validation_accuracy:maximize}}")
    for name, direction in named.items():
        if direction not in get_args(Direction):
            raise ConfigError(f"{_KEY}.{name}={direction}: expected maximize or minimize")
    return tuple(Objective(str(name), direction) for name, direction in named.items())


def check_objective(name: str, config: Config) -> None:
    """Refuse an objective that a run of ``config`` will not record.

    Raises:
        ConfigError: naming the objective and what would record it, or the names that exist.
    """
    head, *rest = name.split("/")
    if head.startswith(_SELECTS):
        raise ConfigError(
            f"{_KEY}.{name}: test data never selects, nor does training data; "
            "use validation_accuracy, validation_loss, robustness/... or ssr/..."
        )
    if name in VALIDATION:
        return
    if head == "robustness":
        _check_robustness(name, rest, config)
    elif head == "ssr" and len(rest) == 3:
        _check_ssr(name, rest, config)
    else:
        _refuse(name, config)


def _check_robustness(name: str, rest: Sequence[str], config: Config) -> None:
    if len(rest) > 2 or (rest and rest[0] not in config.corruption):
        _refuse(name, config)
    if not config.corruption:
        raise ConfigError(f"{_KEY}.{name}: no corruption is configured; choose some with corruption=[NAME,NAME]")
    if len(rest) == 2:
        severities = max(
            (len(v) for v in config.corruption[rest[0]].values() if isinstance(v, list | tuple)), default=0
        )
        if not rest[1].isdecimal() or not 1 <= int(rest[1]) <= (severities or math.inf):
            raise ConfigError(f"{_KEY}.{name}: expected a severity from 1 to {severities} of {rest[0]}")
    if "validation" not in config.evaluation.splits:
        raise ConfigError(
            f"{_KEY}.{name}: runs do not record robustness on validation data; add evaluation.splits=[test,validation]"
        )


def _check_ssr(name: str, rest: Sequence[str], config: Config) -> None:
    layer, normalization, reference = rest
    if not layer or normalization not in NORMALIZATIONS or reference not in REFERENCES:
        _refuse(name, config)
    if (normalization, reference) == ("absolute_folded", "init") and config.initial_weights is None:
        raise ConfigError(
            f"{_KEY}.{name}: has no value, batch norm has no statistics to fold in before the first update; "
            f"use ssr/{layer}/absolute_folded/epoch_1"
        )
    if "kernel_spectrum" not in map(variant_name, config.probe.values()):
        raise ConfigError(f"{_KEY}.{name}: runs do not record it; add probe=[kernel_spectrum]")


def check_recordable(name: str, recordable: Recordable) -> None:
    """Refuse an objective that :func:`check_objective` takes and the parts of a run leave without a value.

    Raises:
        ConfigError: naming the objective and why there is none.
    """
    head, *rest = name.split("/")
    if name == "validation_accuracy" and not recordable.accuracy:
        raise ConfigError(f"{_KEY}.{name}: this data set has values to fit; use {_KEY}={{validation_loss:minimize}}")
    if head == "robustness" and not recordable.corruptions.intersection(rest[:1] or recordable.corruptions):
        raise ConfigError(
            f"{_KEY}.{name}: the images of a published set are test images, and test data never selects; use a "
            "corruption that is computed, such as corruption=[gaussian_noise]"
        )
    if head == "ssr":
        _check_layer(name, rest, recordable)


def _check_layer(name: str, rest: Sequence[str], recordable: Recordable) -> None:
    layer, normalization, reference = rest
    banded = [each for each in recordable.convolutions if each.has_high_band]
    if not banded:
        raise ConfigError(f"{_KEY}.{name}: the model has no convolution with a square kernel larger than 1 x 1")
    named = {"first": banded[0], "last": banded[-1]}
    found = named.get(layer) or {each.layer: each for each in recordable.convolutions}.get(layer)
    if found is None:
        raise _no_layer(name, layer, [each.layer for each in recordable.convolutions])
    if not found.has_high_band:
        raise ConfigError(f"{_KEY}.{name}: a kernel of 1 x 1 has no high band; choose another layer")
    if normalization == "absolute_folded" and not found.has_gain:
        raise ConfigError(
            f"{_KEY}.{name}: no batch norm follows {found.layer} whose gain could be folded in; use "
            f"ssr/{layer}/absolute/{reference}"
        )


def _no_layer(name: str, layer: str, layers: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"{_KEY}.{name}: the model has no layer {layer}; its convolutions are {', '.join(layers)}"
        f"{nearest(layer, layers)}. first and last name them in every model"
    )


def _refuse(name: str, config: Config) -> None:
    layers = dict.fromkeys(("first", "last", *([name.split("/")[1]] if name.startswith("ssr/") else [])))
    suppressions = [f"ssr/{layer}/{n}/{r}" for layer in layers for n in NORMALIZATIONS for r in REFERENCES]
    robustness = [f"robustness/{corruption}" for corruption in sorted(config.corruption)]
    listed = [*VALIDATION, "robustness", *robustness, "ssr/LAYER/NORMALIZATION/REFERENCE"]
    close = nearest(name, [*VALIDATION, "robustness", *robustness, *suppressions])
    raise ConfigError(f"{_KEY}.{name}: unknown objective; there are {', '.join(listed)}{close}")


# --- reading ---------------------------------------------------------------------------------------------------------


def measure(directory: Path, names: Sequence[str]) -> dict[str, float | None]:
    """Value of each objective in a complete run's records; None where the run has no such number.

    Raises:
        ConfigError: an objective names a layer that the run's model does not have.
        frequency_reg.records.RecordsError: there are no records.
    """
    tables = read(directory)
    return {name: _value(name, tables) for name in names}


def learning_curve(directory: Path, metric: str) -> dict[int, float]:
    """``metric`` of the ``epochs`` table by epoch, from 1 on; NaN where it has no value. Empty without records."""
    if not (directory / "run.parquet").exists():
        return {}
    rows = read(directory)["epochs"].select(["epoch", metric]).to_pylist()
    return {row["epoch"]: _number(row[metric]) for row in rows if row["epoch"] > 0}


def _value(name: str, tables: Tables) -> float | None:
    head, *rest = name.split("/")
    if head == "robustness":
        return _robustness(rest, tables)
    if head == "ssr":
        return _suppression(name, rest, tables)
    rows = tables["epochs"].select(["epoch", name]).to_pylist()
    return max(rows, key=lambda row: row["epoch"])[name] if rows else None


def _robustness(rest: Sequence[str], tables: Tables) -> float | None:
    accuracies: dict[str, list[float]] = {}
    for row in tables["robustness"].to_pylist():
        chosen = not rest or row["corruption"] == rest[0]
        wanted = row["severity"] == int(rest[1]) if len(rest) == 2 else row["severity"] >= 1
        if row["split"] == "validation" and chosen and wanted:
            accuracies.setdefault(row["corruption"], []).append(_number(row["accuracy"]))
    mean = fmean(fmean(values) for values in accuracies.values()) if accuracies else math.nan
    return mean if math.isfinite(mean) else None


def _suppression(name: str, rest: Sequence[str], tables: Tables) -> float | None:
    layer, normalization, reference = rest
    rows = tables["ssr"].to_pylist()
    depths = [row["depth"] for row in rows if row["status"] != "no_high_band"]  # kernels of 1 x 1 have none
    if not depths:
        return None
    depth = {"first": min(depths), "last": max(depths)}.get(layer)
    if depth is None and layer not in {row["layer"] for row in rows}:
        raise _no_layer(name, layer, list(dict.fromkeys(row["layer"] for row in rows)))
    wanted = [
        row
        for row in rows
        if (row["layer"] == layer if depth is None else row["depth"] == depth)
        and (row["normalization"], row["reference"]) == (normalization, reference)
    ]
    value: float | None = max(wanted, key=lambda row: row["epoch"])["value"] if wanted else None
    return value


def _number(value: float | None) -> float:
    return math.nan if value is None else value
